"""How the false alarms of shuffled arms were counted, and against what they are held."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.analysis import metric_words, words
from experiments_core.analysis.calibration import BINS, Calibration, Held
from experiments_core.analysis.explain_step import Step
from experiments_core.stats import shuffles

SHUFFLED = """\
the versions of the {units} units are dealt out anew, inside each phase, sizes as they were
then nothing can differ: p < α in α of the shuffles, α/2 called worse and α/2 better
band: from the 0.05 % to the 99.95 % point of Binomial(shuffles, α/2), and of
Binomial(shuffles, α) for both sides together; a method holds where all three lie inside"""
FLAT = """\
p-values of a sound method are spread evenly: shuffles / {bins} in each step
tint: from the 0.05 % to the 99.95 % point of Binomial(shuffles, 1/{bins})"""
PLANTED = """\
of a rate: further units of the treatment convert, each with chance lift · p / (1 − p)
of everything else: the values of the treatment times 1 + lift
finds = shuffles with p < α and the treatment greater / shuffles"""


def explain_calibration(found: Calibration) -> tuple[Step, ...]:
    """Write out how every number of a calibration came about."""
    formula = SHUFFLED.format(units=words.count(found.units))
    low, high = shuffles.band(found.shuffles, 1 / BINS)
    even = (
        f"{found.shuffles} / {BINS} = {found.shuffles / BINS:g}, tint {low} to {high}\n"
        f"planned method: {', '.join(str(n) for n in found.planned.histogram)}"
    )
    return (
        Step("False alarms", formula, "\n".join(_alarms(found))),
        Step("The p-values as bars", FLAT.format(bins=BINS), even),
        Step("Planted lifts", PLANTED, "\n".join(_power(found))),
    )


def method_name(one: Held) -> str:
    """A method with its covariate and cap, as the sheet of numbers calls it."""
    adjusted = {None: "", True: ", adjusted", False: ", unadjusted"}[one.adjusted]
    cap = "" if one.cap is None else f", capped at {one.cap}"
    return metric_words.METHODS.get(one.method, one.method.replace("_", " ")) + adjusted + cap


def _alarms(found: Calibration) -> Iterator[str]:
    n, alpha = found.shuffles, found.alpha
    low, high = found.planned.side_band
    least, most = found.planned.band
    yield f"{n} shuffles, seed {found.seed}, α = {alpha:g}"
    yield f"each side: {n} · {alpha / 2:g} = {n * alpha / 2:g} expected, band {low} to {high}"
    yield f"together: {n} · {alpha:g} = {n * alpha:g} expected, band {least} to {most}"
    for one in found.methods:
        both = one.less + one.greater
        yield (
            f"{method_name(one)}: {one.less} worse + {one.greater} better = {both}: "
            f"{'holds' if one.holds else 'does not hold'}"
        )


def _power(found: Calibration) -> Iterator[str]:
    for one in found.methods:
        told = (
            f"+{lift:.6g}: {share * found.shuffles:.0f} / {found.shuffles}"
            for lift, share in one.power
        )
        yield f"{method_name(one)}: {'; '.join(told)}"
