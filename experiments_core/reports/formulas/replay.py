"""Every number of a study's results, and where what was printed differs from it."""

import math

from experiments_core.reports.formulas.arms import arm_numbers
from experiments_core.reports.formulas.belief import belief_numbers, best_numbers
from experiments_core.reports.formulas.contrasts import all_levels, contrast_numbers
from experiments_core.reports.formulas.p_values import sample_ratio_p_value
from experiments_core.reports.formulas.sheet import sheet_numbers
from experiments_core.reports.formulas.study import Numbers, Study, treatments
from experiments_core.reports.formulas.visible import visible_lift

SHARES = ("relative_lift", "statistic", "probability_better", "probability_best")
IN_THE_UNIT = ("difference", "expected_loss_if_treatment", "expected_loss_if_control")


def replay(study: Study) -> Numbers:
    """Every number of the results, named "metric / arm / field"."""
    found: Numbers = {}
    levels = all_levels(study)
    for key, metric in study["metrics"].items():
        arms = arm_numbers(study, key, metric)
        found |= arms | (best_numbers(study, key, arms) if study["prior"] else {})
        for arm in treatments(study):
            found |= contrast_numbers(study, key, arm, levels[key, arm])
            if study["prior"]:
                base = arms.get(f"{key} / {study['reference']} / value")
                found |= belief_numbers(study, key, arm, base)
    phases = [
        ({arm: units[k] for arm, units in study["units"].items()}, split)
        for k, split in enumerate(study["split"])
    ]
    found["sample ratio / p_value"] = sample_ratio_p_value(phases)
    for sheet in study["sheets"]:
        found |= sheet_numbers(sheet)
    if study["visible"]:
        found["progress / relative_minimum_detectable_effect"] = visible_lift(study)
    return found


def differences(printed: Numbers, study: Study, tolerance: float = 1e-9) -> list[str]:
    """Every printed number that these formulas do not give again; none, if all is well.

    A difference of two numbers keeps only the digits that they do not share, so a difference
    is held against the size of what was subtracted (as is what a choice is expected to lose),
    a lift and a chance against 1.
    """
    again, wrong = replay(study), []
    for name, value in printed.items():
        found = again.get(name)
        field = name.rsplit(" / ", 1)[-1].split("_ci_")[0]
        size = size_of(name, again, study)
        floor = dict.fromkeys(SHARES, 1.0) | dict.fromkeys(IN_THE_UNIT, size)
        close = 1e-12 * floor.get(field, 0) + 1e-300
        if found is None or not math.isclose(value, found, rel_tol=tolerance, abs_tol=close):
            wrong.append(f"{name}: printed {value!r}, recomputed {found!r}")
    return wrong


def size_of(name: str, numbers: Numbers, study: Study) -> float:
    """The largest value of any arm of the metric that a number belongs to."""
    keys = [key for key in study["metrics"] if name.startswith(f"{key} / ")]
    values = [
        abs(numbers.get(f"{key} / {arm} / value", 0.0)) for key in keys for arm in study["arms"]
    ]
    return max(values, default=0.0)
