"""Follow a case of the real data as a person would: prepare, upload, ask, compare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.domain.metric import Metric
from experiments_core.workbench import Comparison, Report

CLOSE = 1e-9
TINY_P = 1e-12  # below this the two tails differ in their last digits


@dataclass(frozen=True)
class Case:
    """One case and its reference numbers."""

    told: dict[str, Any]
    reference: dict[str, Any]
    folder: Path

    @property
    def metrics(self) -> list[Metric]:
        return [_metric(one) for one in self.told["metrics"]]

    @property
    def steps(self) -> set[str]:
        return {step["op"] for step in (*self.told["prepare"], *self.told["cleaning"])}

    def as_frame(self) -> pd.DataFrame:
        """The rows after what somebody would do in a spreadsheet."""
        stacked = next((s for s in self.told["prepare"] if s["op"] == "stack"), None)
        if stacked:
            parts = [
                pd.read_csv(self.folder / name).assign(**{stacked["column"]: arm})
                for arm, name in stacked["files"].items()
            ]
            frame = pd.concat(parts, ignore_index=True)
        else:
            frame = pd.read_csv(self.folder / self.told["file"])
        for step in (*self.told["prepare"], *self.told["cleaning"]):
            frame = _STEPS.get(step["op"], lambda rows, *_: rows)(frame, step, self.folder)
        variant = self.told["mapping"]["variant"]
        return frame.assign(**{variant: frame[variant].astype(str)})

    def analyse(self, data: Any, **more: Any) -> Report:
        """Ask what the case asks."""
        mapping, cleaning = self.told["mapping"], self.told["cleaning"]
        once = next((s["keep"] for s in cleaning if s["op"] == "one_row_per_user"), None)
        repeats = {None: "refuse", "first_in_file": "first", "max": "max"}[once]
        totals = any("trials" in one for one in self.told["metrics"])
        return ec.analyze(
            data,
            variant=mapping["variant"],
            control=mapping["control"],
            unit=None if totals else mapping.get("user"),
            metrics=self.metrics,
            split=self.told["split"],
            correction="none",
            repeats=repeats,
            **more,
        )


def load(folder: Path, case_id: str) -> Case:
    """Read one case of ``cases.json`` with its reference."""
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))["cases"]
    told = next(case for case in cases if case["id"] == case_id)
    known = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    return Case(told, known[told["dataset"]]["variants"][told["analysis"]], folder)


def compare(report: Report, case: Case) -> int:
    """Hold a report against the reference; return how many numbers were compared."""
    compared = 0
    for one in case.told["metrics"]:
        expected = case.reference["metrics"][one.get("reference", one["name"])]
        for arm, numbers in expected["arms"].items():
            compared += _arm(report[one["name"], arm], numbers)
        for arm, numbers in expected["vs_control"].items():
            compared += _contrast(report[one["name"], arm], numbers)
    if case.told["split"] and case.told["srm"]:
        planned = case.reference[case.told["srm"]]
        check = report.health[0]
        assert check.facts["chi_square"] == pytest.approx(planned["chi2"], rel=CLOSE)
        assert check.p_value == pytest.approx(planned["p_value"], rel=_rel(planned["p_value"]))
        compared += 2
    return compared


def _arm(found: Comparison, numbers: dict[str, Any]) -> int:
    assert found.n == numbers["n"]
    if "conversions" in numbers:
        assert found.conversions == numbers["conversions"]
        _same(found.value, numbers["rate"])
        _same((found.ci_lower, found.ci_upper), numbers["wilson95"])
        return 5
    _same(found.value, numbers["mean"])
    _same(found.standard_deviation, numbers["sd"])
    _same((found.ci_lower, found.ci_upper), numbers["mean_ci95_t"])
    return 5


def _contrast(found: Comparison, numbers: dict[str, Any]) -> int:
    rate = "z_pooled" in numbers
    ends = numbers.get("diff_ci95_score_mee" if rate else "diff_ci95_welch")
    lift = numbers.get("rel_lift_ci95_koopman" if rate else "rel_lift_ci95_fieller_t")
    _same(found.difference, numbers["abs_lift"])
    _same(found.relative_lift, numbers["rel_lift"])
    _same(found.statistic, numbers["z_pooled" if rate else "welch_t"])
    assert found.p_value == pytest.approx(
        numbers["p_value"], rel=_rel(numbers["p_value"]), abs=0
    )
    if ends is not None:
        _same((found.difference_ci_lower, found.difference_ci_upper), ends)
    if lift is not None:
        _same((found.relative_lift_ci_lower, found.relative_lift_ci_upper), lift)
    return 4 + 2 * (ends is not None) + 2 * (lift is not None)


def _same(found: Any, expected: Any) -> None:
    assert found == pytest.approx(expected, rel=CLOSE, abs=1e-12)


def _rel(p: float) -> float:
    return 1e-4 if p < TINY_P else 1e-8


def _metric(told: dict[str, Any]) -> Metric:
    if told["type"] == "mean":
        return ec.Mean(told["column"], key=told["name"])
    if "trials" in told:
        return ec.Proportion(told["successes"], of=told["trials"], key=told["name"])
    return ec.Proportion(told["column"], key=told["name"])


def _join(frame: pd.DataFrame, step: dict[str, Any], folder: Path) -> pd.DataFrame:
    other = pd.read_csv(folder / step["file"], encoding="utf-8-sig")
    return frame.merge(other[[step["on"], *step["columns"]]], on=step["on"], how="left")


def _recode(frame: pd.DataFrame, step: dict[str, Any], _: Path) -> pd.DataFrame:
    column = frame[step["column"]]
    text = column.map(lambda v: None if pd.isna(v) else str(v).removesuffix(".0"))
    return frame.assign(**{step["to"]: text.map(step["map"])})


def _flag(frame: pd.DataFrame, step: dict[str, Any], _: Path) -> pd.DataFrame:
    return frame.assign(**{step["to"]: (frame[step["column"]] > step["above"]).astype(int)})


def _group(frame: pd.DataFrame, step: dict[str, Any], _: Path) -> pd.DataFrame:
    return frame.groupby(step["by"], as_index=False)[step["mean"]].mean()


def _keep_pairs(frame: pd.DataFrame, step: dict[str, Any], _: Path) -> pd.DataFrame:
    pairs = {tuple(pair) for pair in step["pairs"]}
    keep = [tuple(row) in pairs for row in frame[step["columns"]].to_numpy()]
    return frame[keep].reset_index(drop=True)


def _keep_rows(frame: pd.DataFrame, step: dict[str, Any], _: Path) -> pd.DataFrame:
    column = frame[step["column"]]
    keep = column > step["above"] if "above" in step else column < step["below"]
    return frame[keep].reset_index(drop=True)


def _drop_missing(frame: pd.DataFrame, step: dict[str, Any], _: Path) -> pd.DataFrame:
    return frame.dropna(subset=step["columns"]).reset_index(drop=True)


def _drop_crossed(frame: pd.DataFrame, _: dict[str, Any], __: Path) -> pd.DataFrame:
    arms = frame.groupby("user_id")["group"].transform("nunique")
    return frame[arms == 1].reset_index(drop=True)


_STEPS = {
    "join": _join, "recode": _recode, "flag": _flag, "group": _group,
    "keep_pairs": _keep_pairs, "keep_rows": _keep_rows, "drop_missing": _drop_missing,
    "drop_users_in_several_variants": _drop_crossed,
}  # fmt: skip
