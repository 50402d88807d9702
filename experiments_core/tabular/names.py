"""Header and variant names that say what a column or an arm is for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from experiments_core.domain.source import Role
from experiments_core.tabular.text import CACHED

_VARIANT = re.compile(
    r"^(ab|exp|test|experiment|treatment|assigned)?_?(variants?|variation|group|arm|version|"
    r"variante|variacion|gruppe|testgruppe|groupe|grupo|"
    r"treatment|condition|bucket|branch|assignment|cell|cohort)(_?(name|id|key|group))?$"
)
_UNIT = re.compile(
    r"^(user|customer|client|visitor|account|device|member|player|subject|participant|unit|"
    r"person|session|order|household|store|anonymous|cookie|driver|rider|guest|subscriber|"
    r"location|patient|employee|contact|lead|company|kunden?|nutzer|benutzer|besucher|"
    r"client|utilisateur|usuario|cliente)_?(id|key|no|number|uuid|nr|nummer)$"
    r"|^(id|uid|uuid|guid|user|unit|email|customer|visitor|subject|participant|respondent|"
    r"kennung|nutzer|benutzer|kunde|identifiant|utilisateur|usuario|cliente)$"
)
_MAYBE_VARIANT = re.compile(
    r"promo|campaign|offer|coupon|treat|shown|page$|^segment$|test|email"
)
_OUTCOME = re.compile(
    r"(^|_)(conver|purchas|bought|order|click|sign|subscri|retain|retention|return|churn|success|"
    r"outcome|paid|pay|trial|enrol|respon|visit|open|install|login|activ|booked|booking|call|"
    r"complet|refund|bounce|cancel|checkout|upgrade|submit|register|engaged|sold|renew|added|"
    r"konver|gekauft|kauf|bestell|anmeld|klick|geklickt|achat|achet|compra|compro|pedido)"
)
_VALUE = re.compile(
    r"revenue|amount|spend|spent|sales?|price|value|total|gmv|income|profit|margin|earning|"
    r"rounds|duration|second|minute|hour|_s$|_ms$|count|^num|^n_|views|clicks|pages|pv|"
    r"sessions|items|quantit|score|rating|load|latency|orders|purchases|visits|basket|cost|"
    r"umsatz|betrag|preis|erlos|kosten|chiffre_d_affaires|montant|prix|(^|_)cout|"
    r"ingreso|importe|gasto"
)
_AMOUNT = re.compile(
    r"revenue|amount|spend|spent|cost|price|gmv|income|profit|margin|earning|turnover|"
    r"umsatz|betrag|preis|erlos|kosten|chiffre_d_affaires|montant|prix|(^|_)cout|"
    r"ingreso|importe|gasto"
)
_UNWANTED = re.compile(
    r"(^|_)(costs?|cpa|cpc|latency|(load|loading|response|wait|waiting)_?time|bounced?|bounces|"
    r"churn(ed)?|refund(s|ed)?|chargebacks?|complaints?|errors?|failures?|failed|crash(es|ed)?|"
    r"timeouts?|abandon(s|ed|ment)?|cancell?(s|ed|ations?)|unsubscribe[sd]?|uninstall(s|ed)?|"
    r"opt_?outs?|kosten|fehler|beschwerden?|erreurs?|errores)(_|$)"
)
_EARLIER = re.compile(
    r"^pre($|_)|_pre($|_)|before|prior|past|previous|prev_|histor|baseline|^last_|_last_|lag|"
    r"since|recency|^age$|_age$|tenure"
)
_VISITORS = re.compile(
    r"^(visitors?|users?|n|units?|sample(_size)?|participants?|customers?|exposures?|exposed|"
    r"assigned|trials|sessions|impressions|views|page_?views|total(_users|_visitors)?|"
    r"recipients|sent|delivered|accounts|devices|count|besucher|nutzer|benutzer|teilnehmer|"
    r"kunden|anzahl|sitzungen|visiteurs?|utilisateurs|clients|visitantes|usuarios|clientes|"
    r"sesiones)$"
)
_RATE = re.compile(r"rate|ratio|percent|pct|share|ctr|cvr|quote|anteil|prozent|taux|tasa")
_EVENT = re.compile(
    r"^(event|event_(name|type|action|kind|label|key)|action(_type|_name)?|activity|"
    r"ereignis|evenement|evento)$"
)
_EXPOSURE = re.compile(
    r"expos|assign|view|impression|bucket|enrol|seen|shown|open|start|visit|gesehen|ansicht"
)
_DEVIATION = (
    r"sd|std|stdev|std_dev|stddev|standard_deviation|standardabweichung|ecart_type|desviacion"
)
_MOMENT_ROLES = (
    (
        r"^(count|counts|n|units?|users?|visitors?|sample(_size)?|size|nobs|anzahl|effectif)$",
        Role.COUNT,
    ),
    (r"^(mean|avg|average|mittelwert|durchschnitt|moyenne|media|promedio)(_\w+)?$", Role.MEAN),
    (r"^(variance|var|varianz|varianza)(_\w+)?$", Role.VARIANCE),
    (rf"^({_DEVIATION})(_\w+)?$", Role.DEVIATION),
    (r"^(metric|kpi|measure|outcome)s?(_(id|name|key))?$", Role.METRIC),
)
_MEANS = {
    "mean", "avg", "average", "mittelwert", "durchschnitt", "moyenne", "media", "promedio",
}  # fmt: skip
_MOMENT = re.compile(
    r"^(mean|avg|average|mittelwert|durchschnitt|moyenne|media|promedio|variance|var|varianz|"
    rf"varianza|{_DEVIATION})(_\w+)?$"
)

CONTROL_WORDS = frozenset({
    "control", "ctrl", "champion", "baseline", "kontrolle", "kontrollgruppe", "contrôle",
    "témoin",
})  # fmt: skip
"""An arm with such a name is control without asking."""

LIKELY_CONTROLS = (
    "control group", "a", "0", "old", "original", "no", "none", "off", "false", "default",
    "current", "holdout", "placebo", "old_page", "alt", "ancien", "nein", "non", "1",
)  # fmt: skip
"""Names that are offered first when somebody is asked which arm is control."""

ARM_WORDS = CONTROL_WORDS | frozenset({
    "treatment", "test", "experiment", "experimental", "treated", "variant", "variation",
    "challenger", "a", "b", "control group", "treatment group", "test group",
})  # fmt: skip


@lru_cache(maxsize=CACHED)
def plain(name: str) -> str:
    """Reduce a header to lower case with underscores: ``User ID`` → ``user_id``.

    Accents go: ``Käufe`` → ``kaufe``.
    """
    letters = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def is_variant(name: str) -> bool:
    """The header says: this is the variant."""
    return bool(_VARIANT.match(plain(name)))


def may_be_variant(name: str) -> bool:
    """The header may say: this is what was tested."""
    return bool(_MAYBE_VARIANT.search(plain(name)))


def is_unit(name: str) -> bool:
    """The header says: this identifies a unit."""
    return bool(_UNIT.match(plain(name)) or _UNIT.match(plain(name).replace("_", "")))


def is_outcome(name: str) -> bool:
    """The header sounds like something that happened after the assignment."""
    return bool(_OUTCOME.search(plain(name))) and not is_earlier(name)


def is_value(name: str) -> bool:
    """The header sounds like an amount per unit."""
    return bool(_VALUE.search(plain(name))) and not is_earlier(name)


def is_amount(name: str) -> bool:
    """The header sounds like money, not like a count."""
    return bool(_AMOUNT.search(plain(name)))


def is_unwanted(name: str) -> bool:
    """The name of a measure says: the less of it, the better."""
    return bool(_UNWANTED.search(plain(name)))


def is_earlier(name: str) -> bool:
    """The header sounds like something known before the test."""
    return bool(_EARLIER.search(plain(name)))


def is_visitors(name: str) -> bool:
    """The header sounds like a number of units."""
    return bool(_VISITORS.match(plain(name)))


def is_rate(name: str) -> bool:
    """The header sounds like a rate."""
    return bool(_RATE.search(plain(name)))


def is_event(name: str) -> bool:
    """The header says: this names what happened."""
    return bool(_EVENT.match(plain(name)))


def is_elapsed(name: str) -> bool:
    """The header sounds like time since the start."""
    return bool(
        re.search(
            r"^(time|day|hour|week|tag|woche|jour|semaine|dia|semana)(s|e|n|_|$)|since|elapsed",
            plain(name),
        )
    )


def counts_from_start(name: str) -> bool:
    """The header says: time since the start, which readings of running totals have."""
    return bool(re.search(r"since|elapsed", plain(name)))


def is_experiment(name: str) -> bool:
    """The header says: this tells experiments apart."""
    return bool(re.match(r"^(experiment|test|exp)(_?(id|name|key|no|number))?$", plain(name)))


def moment_role(name: str) -> Role | None:
    """What a column of a file of moments is, by its name."""
    word = plain(name)
    for pattern, role in _MOMENT_ROLES:
        if re.match(pattern, word):
            return role
    return None


def pair_of_moments(all_names: Iterable[str]) -> dict[str, Role]:
    """Headers of the one mean and its spread (``revenue_mean``, ``revenue_sd``), else none."""
    found: dict[str, dict[str, Role]] = {}
    for name in all_names:
        stem, _, word = plain(name).rpartition("_")
        role = moment_role(word)
        if stem and role in {Role.MEAN, Role.VARIANCE, Role.DEVIATION}:
            found.setdefault(stem, {})[name] = role
    whole = [pair for pair in found.values() if len(pair) == 2 and Role.MEAN in pair.values()]
    return whole[0] if len(whole) == 1 else {}


def is_exposure(event: str) -> bool:
    """The event sounds like the moment a unit meets its arm."""
    return bool(_EXPOSURE.search(plain(event)))


def are_moments(all_names: Iterable[str]) -> bool:
    """The headers name a mean and its spread: moments, not rows."""
    found = {match[1] for name in all_names if (match := _MOMENT.match(plain(name)))}
    return bool(found & _MEANS) and bool(found - _MEANS)
