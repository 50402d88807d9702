"""The call of the notebook: from data to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments_core.analysis import bayesian, on_request
from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze as judge
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.segments import segment_results
from experiments_core.domain.metric import Metric
from experiments_core.workbench.again import Again, Rereading
from experiments_core.workbench.arms import refuse_split
from experiments_core.workbench.designing import Asked, design_of, past_looks, plan_of, prior_of
from experiments_core.workbench.files import FileData
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.reading import load, load_values, read_any_shape
from experiments_core.workbench.report import Report
from experiments_core.workbench.request import Request, check, rules_of


def analyze(
    data: Any,
    *,
    metrics: Iterable[Metric] | Metric | None = None,
    variant: str | None = None,
    control: str | None = None,
    unit: str | None = None,
    time: str | None = None,
    split: Mapping[str, Any] | None = None,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    correction: str = "holm",
    method: str | Sequence[str] | None = None,
    segments: Sequence[str] = (),
    phases: str | None = None,
    sequential: str | None = None,
    planned_units: int | None = None,
    looks: Sequence[int] = (),
    holdout: str | None = None,
    holdout_randomised: bool = True,
    bayes: bool | Mapping[str, float] = False,
    repeats: str | Mapping[str, str] = "refuse",
    crossovers: str = "exclude",
    decimal: str | None = None,
    leave_out_bad_rows: bool = False,
    answers: Mapping[str, str] | None = None,
) -> Report:
    """Judge an A/B test from its data.

    Args:
        data: What ``read_data`` returned; path of a CSV file (without ``metrics`` of any shape,
            or several files that belong together); a pandas, Polars or Arrow table; a DuckDB
            relation; or a dict of numbers per variant: ``{"control": {"n": 1000, "converted":
            100}, …}``, for a mean ``{"n": …, "mean": …, "variance": …}``.
        metrics: ``Proportion``, ``Mean``, ``Ratio`` and ``Quantile``; totals by
            ``Proportion("conversions", of="visitors")``.
        variant: Column of arms.
        control: The arm to compare with; may go if one is called control.
        unit: Column that identifies a unit; without it each row is one.
        time: Column with the moment a unit was first seen; lets ``robustness`` leave out the
            first day, and decides where units seen in two arms count.
        split: Intended shares: percent that add up to 100, fractions that add up to 1, or a
            ratio of whole numbers such as 1 and 4; equal when left out. With ``phases`` it may
            hold one such split per phase: ``{"1": {"control": 50, "B": 50}, "2": {…}}``.
        alpha: Error rate of the whole family of primary metrics, a fraction.
        alternative: ``two-sided``, ``greater`` or ``less``: treatment against control.
        correction: Of the primary metrics x treatments: ``holm``, ``hochberg``,
            ``bonferroni``, ``bh``, ``by`` or ``none``. Secondary metrics and segments are held
            to a share of false finds (``bh``) unless it is ``none`` or ``by``.
        method: One or several methods instead of the defaults, for rates without phases:
            ``newcombe``, ``agresti_caffo``, ``miettinen_nurminen`` (interval of the
            difference), ``log_delta`` (of the lift; also of means and ratios),
            ``clopper_pearson``, ``jeffreys`` (of each rate), ``fisher``, ``barnard``,
            ``boschloo`` (test; the last two up to 2,000 units). Named beside their numbers.
        segments: Columns to cut by; attributes known before the test began.
        phases: Column that names the phase (interval of one split) in which a unit came.
        sequential: ``always_valid`` (confidence sequence) or ``group_sequential`` (spends
            alpha over the looks, needs ``planned_units``) when the test still runs and is
            looked at again; left out, the data are taken as a finished test.
        planned_units: Units of all arms that are planned; tunes the sequential test.
        looks: Units of all arms at each earlier look, rising; what has been spent there is
            no longer there. Group sequential only.
        holdout: The arm of units kept out of the test and measured. It is no variant: everybody
            else is compared with it in a block of its own; ``control`` may name it as well.
        holdout_randomised: False where chance did not decide who was held out; the block then
            cannot say more than its numbers.
        bayes: Put the Bayesian view beside the verdict (never into it). True for the usual
            priors (Beta(1, 1) for each rate, flat for the others), or any of ``alpha``,
            ``beta`` (of the Beta prior) and ``lift_deviation`` (a normal prior on the lift).
        repeats: Several rows of one unit in one arm: ``refuse``, ``first`` or ``last`` (in the
            file), ``max``, ``sum``, ``mean``; ``rows`` keeps every row for quantiles and adds
            numbers up per unit for the rest. Or column -> rule, also ``min`` and ``count``:
            ``{"revenue": "sum", "rating": "mean", "*": "max"}``, where ``*`` is all others.
        crossovers: Units in two arms: ``exclude``, ``first_seen`` or ``refuse``.
        decimal: Decimal mark, where a column can be read in two ways.
        leave_out_bad_rows: Go on without rows that break a rule.
        answers: For a file without ``metrics``: code of a question -> the answer.

    Raises:
        InvalidInputError: the message names the thing and what to do.
    """
    known = data if isinstance(data, FileData) else None
    if known is None and metrics is None:
        said = {"variant": variant, "unit": unit, "control": control,
                "crossovers": crossovers, "answers": dict(answers or {})}  # fmt: skip
        known = read_any_shape(data, repeats, said, leave_out_bad_rows=leave_out_bad_rows)
    if known is not None:
        data, metrics = known, known.metrics if metrics is None else metrics
        control = control or known.mapping.control or None
    rule, repeats_of = rules_of(repeats)
    request = Request(
        metrics=(metrics,) if isinstance(metrics, Metric) else tuple(metrics or ()),
        variant="" if variant is None else str(variant),
        control=control,
        unit=unit,
        time=time,
        phases=phases,
        segments=(segments,) if isinstance(segments, str) else tuple(segments),
        repeats=rule,
        repeats_of=repeats_of,
        crossovers=crossovers,
        decimal=decimal,
        leave_out_bad_rows=leave_out_bad_rows,
    )
    check(request)
    refuse_split(split)
    asked = Asked(
        plan=plan_of(alpha, alternative, correction, sequential, planned_units),
        control=control,
        split=split,
        sequential=sequential,
        past_looks=past_looks(looks, sequential),
        methods=on_request.chosen(method),
        holdout=holdout,
        holdout_randomised=holdout_randomised,
    )
    return _judged(data, replace(request, alpha=asked.plan.alpha), asked, prior_of(bayes))


def _judged(data: Any, request: Request, asked: Asked, prior: Prior | None) -> Report:
    loaded = load(data, request)
    design = design_of(asked, loaded, request)
    result = judge(loaded.cells, design, loaded.quality, data_hash=loaded.data_hash)
    if prior is not None:
        groups = Groups.of(loaded.cells, len(design.phases))
        result = bayesian.with_view(result, groups, design, prior)
    cut = tuple(
        replace(metric, segments=_segments(loaded, design, known))
        for metric, known in zip(result.metrics, design.metrics, strict=False)
    )
    return Report(
        replace(result, metrics=cut), design, loaded.cells, loaded.sql, loaded.notes,
        _rows(data, request) if loaded.basis == "units" else None,
    )  # fmt: skip


def _rows(data: Any, request: Request) -> Rereading | None:
    """How the same rows can be read once more."""
    if isinstance(data, FileData):
        return data.rows
    return Again(
        request,
        lambda other: load(data, other),
        lambda other, arms: load_values(data, other, arms),
    )


def _segments(loaded: Loaded, design: Design, metric: Metric) -> tuple[Any, ...]:
    found = (
        segment_results(cells, design, metric, column)
        for column, cells in loaded.segments.items()
    )
    return tuple(one for part in found for one in part)
