"""Step 3: what is measured; primary metrics decide, guardrails must not be harmed."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.definition import Definition
from experiments_core.domain.documents import metric_to_document
from experiments_core.domain.fields import MOST_METRICS
from experiments_core.domain.metric import Direction, Metric
from experiments_core.errors import UpshotError
from experiments_core.services import library, workspace
from pages.parts import create_form as form
from pages.parts import create_save, theme, who

KINDS = {
    "rate": "Rate: did it happen?",
    "mean": "Mean: how much?",
    "count": "Count: how often?",
    "ratio": "Ratio: sum by sum",
    "quantile": "Quantile: median, p95",
}
QUANTILES = {"0.5": "Median", "0.75": "p75", "0.9": "p90", "0.95": "p95", "0.99": "p99"}
CAP_HELP = (
    "One cap for all arms, chosen before the start. Larger values count as the cap; the result "
    "without it stands beside."
)
COVARIATE_HELP = (
    "A number known before the test, such as last month’s revenue. It takes out noise, so the "
    "test sees smaller effects. Never use one that the test can move."
)
BEFORE_HELP = "Where the number from before is a ratio as well: the column it is divided by."
ROWS_HELP = (
    "Of the users, or of their rows where a user has several: then choose “Every row” for this "
    "column on the page Data. The interval respects the users either way."
)
ROLES = {"primary": "Primary", "guardrail": "Guardrail", "secondary": "Secondary"}
DIRECTIONS = {"increase": "More is better", "decrease": "Less is better"}
ANY_DIRECTION = DIRECTIONS | {"neutral": "Neither"}


def draw() -> None:
    """A box per metric; one more on request."""
    theme.section("What do you measure?")
    theme.muted(
        "One to three primary metrics decide the test. A guardrail is a number that must not "
        "get worse; say how much worse you could accept."
    )
    known = library.list_metrics(workspace.current(), who.actor())
    _recognise(known)
    for number in form.get(form.METRICS):
        _metric(number)
    full = len(form.get(form.METRICS)) >= MOST_METRICS
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Add a metric", icon=":material/add:", on_click=form.add_metric, disabled=full
        )
        _picker(known, full=full)
    try:
        create_save.fields()
    except UpshotError as error:
        theme.refused(error)


def _recognise(known: list[Definition]) -> None:
    """A saved draft says of a metric its key and version; the library knows the rest."""
    base = form.base()
    saved = {metric.key: metric for metric in base.metrics} if base else {}
    by_key = {one.key: one for one in known}
    for number in form.get(form.METRICS):
        key = form.text(f"metric{number}-key")
        definition, metric = by_key.get(key), saved.get(key)
        if form.made_of(number) or definition is None or metric is None:
            continue
        written = metric_to_document(metric)
        same = all(written.get(name) == value for name, value in definition.meaning.items())
        if metric.version == definition.version and same:
            form.put(f"metric{number}-library", metric)


def _picker(known: list[Definition], *, full: bool) -> None:
    """Definitions that this test does not measure yet."""
    used = {form.text(f"metric{number}-key").lower() for number in form.get(form.METRICS)}
    left = {one.key: one for one in known if one.key.lower() not in used}
    if not left or full:
        return
    key = f"{form.PREFIX}from-library"
    st.selectbox(
        "From the library",
        list(left),
        index=None,
        placeholder="Use a metric of the library",
        format_func=lambda one: (
            f"{words.plain(left[one].name, 60)} (version {left[one].version})"
        ),
        key=key,
        on_change=lambda: _take(left, key),
        label_visibility="collapsed",
        width=320,
    )


def _take(left: dict[str, Definition], key: str) -> None:
    chosen = left.get(str(st.session_state.get(key)))
    if chosen is not None:
        form.use_metric(chosen)
    st.session_state[key] = None


def _defined(number: int, metric: Metric) -> None:
    """A metric of the library: what it means is read there, what it is for is said here."""
    role = form.get(f"metric{number}-role")
    any_way = metric.preferred_direction is Direction.NEUTRAL
    with st.container(border=True, key=f"metric-box-{number}"):
        theme.lead(metric.name, f"from the library, version {metric.version}")
        told = f"{KINDS[form.FORM_KINDS[metric.kind]].split(':')[0]} of "
        told += " / ".join(words.plain(name, 40) for name in metric.columns)
        theme.note(f"{told}; {ANY_DIRECTION[metric.preferred_direction.value].lower()}.")
        with st.grid(3, min_column_width=210, gap="small"):
            _list(number, "role", "Role", {"secondary": "Secondary"} if any_way else ROLES)
            if role == "guardrail":
                _text(number, "margin", "Largest harm you accept, %", "5")
            if len(form.get(form.METRICS)) > 1:
                _remove(number)


def _remove(number: int) -> None:
    st.button(
        "Remove this metric", key=f"remove-metric-{number}", type="tertiary",
        on_click=form.remove_metric, args=(number,),
    )  # fmt: skip


def _metric(number: int) -> None:
    found = form.made_of(number)
    if found is not None:
        _defined(number, found)
        return
    role = form.get(f"metric{number}-role")
    with (
        st.container(border=True, key=f"metric-box-{number}"),
        st.grid(3, min_column_width=210, gap="small"),
    ):
        _text(number, "name", "Name", "Paid order")
        _list(number, "kind", "Kind", KINDS)
        _columns(number, str(form.get(f"metric{number}-kind")))
        _list(number, "role", "Role", ROLES)
        _list(
            number, "direction", "Direction",
            ANY_DIRECTION if role == "secondary" else DIRECTIONS,
        )  # fmt: skip
        if role == "guardrail":
            _text(number, "margin", "Largest harm you accept, %", "5")
        elif form.get(f"metric{number}-kind") in {"mean", "quantile"}:
            _text(number, "unit", "Unit", "USD")
        _options(number, str(form.get(f"metric{number}-kind")))
        if len(form.get(form.METRICS)) > 1:
            _remove(number)


def _options(number: int, kind: str) -> None:
    """What takes noise or single large values out."""
    label = "Adjust by (optional)"
    if kind in {"mean", "count"}:
        _text(number, "covariate", label, "revenue_before", COVARIATE_HELP)
        _text(number, "cap", "Cap (optional)", "500 or 99.9%", CAP_HELP)
    if kind == "ratio":
        _text(number, "covariate", label, "clicks_before", COVARIATE_HELP)
        _text(number, "before", "… divided by (optional)", "views_before", BEFORE_HELP)


def _columns(number: int, kind: str) -> None:
    """Where the numbers stand in the data."""
    if kind == "ratio":
        _text(number, "column", "Column that is counted", "clicks")
        _text(number, "denominator", "Column it is divided by", "views")
        return
    told = ROWS_HELP if kind == "quantile" else None
    _text(number, "column", "Column in the data", _column(number), told)
    if kind == "quantile":
        _list(number, "q", "Which quantile", QUANTILES)


def _column(number: int) -> str:
    name = words.plain(form.text(f"metric{number}-name"), 60)
    return name.lower().replace(" ", "_") or "paid_order"


def _text(number: int, name: str, label: str, example: str, told: str | None = None) -> None:
    st.text_input(
        label,
        key=f"{form.PREFIX}metric{number}-{name}",
        placeholder=example,
        help=told,
        **form.KEEP,
    )


def _list(number: int, name: str, label: str, choices: dict[str, str]) -> None:
    key = f"{form.PREFIX}metric{number}-{name}"
    if st.session_state.get(key) not in choices:
        st.session_state[key] = next(iter(choices))
    st.selectbox(
        label,
        list(choices),
        format_func=choices.__getitem__,
        key=key,
        **form.KEEP,
    )
