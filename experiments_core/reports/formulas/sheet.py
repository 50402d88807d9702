"""The robustness sheet: one comparison by every method that somebody could defend.

Sources: those of ``asked``; Student 1908 (one variance for both arms).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments_core.reports.formulas.asked import DIFFERENCES, katz, log_parts, log_ratio
from experiments_core.reports.formulas.compared import compared, limited
from experiments_core.reports.formulas.kinds import parts_compared, parts_of
from experiments_core.reports.formulas.p_values import p_value
from experiments_core.reports.formulas.phases import size_weighted, sized
from experiments_core.reports.formulas.study import BY_PARTS, OUTCOMES, Numbers


def sheet_numbers(sheet: Mapping[str, Any]) -> Numbers:
    """Every analysis of one comparison, and in how many the planned answer holds."""
    head, said = f"{sheet['metric']} / {sheet['arm']}", {}
    found: Numbers = {}
    for group in sheet["groups"]:
        for name, method, adjusted in group["analyses"]:
            numbers = analysis(group, sheet["alpha"], method, adjusted=adjusted)
            said[name] = answer(numbers, sheet["direction"])
            found |= {f"{head} / {name} / {field}": value for field, value in numbers.items()}
    holds = [one == said[sheet["planned"]] for one in said.values()]
    return found | {f"{head} / holds in": sum(holds), f"{head} / analyses": len(holds)}


def analysis(
    group: Mapping[str, Any], alpha: float, method: str, *, adjusted: bool | None
) -> Numbers:
    """Difference, lift, their limits and the test by one method."""
    kind, strata = group["kind"], group["strata"]
    if kind in OUTCOMES and not adjusted:
        kind, alone = OUTCOMES[kind]
        strata = [tuple(map(alone, pair)) for pair in strata]
    if method == "size_weighted":
        told = sized(strata, alpha, kind) if kind in BY_PARTS else size_weighted(strata, alpha)
        return {name.removeprefix("size-weighted / "): value for name, value in told.items()}
    special = of_a_rate if kind == "rate" else of_a_mean
    found = special(kind, strata, alpha, method)
    return compared(strata, alpha, kind=kind) if found is None else found


def of_a_rate(kind: str, strata: Sequence[Any], alpha: float, method: str) -> Numbers | None:
    """By a method that is not the planned one."""
    if method == "t_of_zero_one":
        return compared([tuple(map(zero_one, pair)) for pair in strata], alpha)
    control, treatment = strata[0]
    if method == "log_delta":
        return points(kind, strata) | katz(control, treatment, alpha)
    if method not in DIFFERENCES:
        return None
    ends = DIFFERENCES[method](control, treatment, alpha)
    return points(kind, strata) | limited("difference", ends)


def of_a_mean(kind: str, strata: Sequence[Any], alpha: float, method: str) -> Numbers | None:
    """The same of a mean."""
    if method == "student_t":
        control, treatment = strata[0]
        return student(control, treatment, alpha)
    if method != "log_delta":
        return None
    found = log_parts(kind, strata)
    if found is None:
        return points(kind, strata)
    ratio, error, freedom = found
    p = p_value(math.log(ratio) / error, freedom, "two-sided")
    return points(kind, strata) | log_ratio(kind, strata, alpha) | {"p_value": p}


def points(kind: str, strata: Sequence[Any]) -> Numbers:
    """The estimates alone."""
    if kind == "rate":
        (n_c, x_c), (n_t, x_t) = strata[0]
        lift = {"relative_lift": x_t * n_c / (n_t * x_c) - 1} if x_c else {}
        return {"difference": x_t / n_t - x_c / n_c} | lift
    parts = parts_of(kind, strata)
    return {} if parts is None else {"difference": parts[1] - parts[0]}


def zero_one(cell: Any) -> tuple[int, float, float]:
    """A rate as the mean of a column of 0 and 1."""
    n, x = cell
    return (n, x / n, x / n * (1 - x / n) * n / max(1, n - 1)) if n else (0, 0.0, 0.0)


def student(control: Any, treatment: Any, alpha: float) -> Numbers:
    """Two means with one variance for both."""
    (n_c, m_c, s_c), (n_t, m_t, s_t) = control, treatment
    freedom = n_c + n_t - 2
    pooled = ((n_c - 1) * s_c + (n_t - 1) * s_t) / freedom
    noise = pooled / n_c, pooled / n_t
    return parts_compared((m_c, m_t, *noise, 0.0, sum(noise), freedom), alpha)


def answer(numbers: Numbers, direction: str) -> str:
    """What an analysis says, by its interval of the difference, else of the lift."""
    for name in ("difference", "relative_lift"):
        low, high = (numbers.get(f"{name}_ci_{end}") for end in ("lower", "upper"))
        if low is None or high is None:
            continue
        if direction == "neutral" or low <= 0 <= high:
            return "no_clear_difference"
        return "better" if (numbers[name] > 0) == (direction == "increase") else "worse"
    return "cannot_say"
