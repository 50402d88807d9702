"""The calls of the notebook: analyse data, or only read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments_core.analysis import bayesian, on_request
from experiments_core.analysis.bayesian import Prior
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze as judge
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.segments import segment_results
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import Mapping as ColumnRoles
from experiments_core.stats.shuffles import Phase
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.staged import Staged
from experiments_core.workbench import loading, sources
from experiments_core.workbench.again import Again
from experiments_core.workbench.files import FileData, paths_of, read_file, refuse_shape
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.report import Report
from experiments_core.workbench.request import (
    Request,
    check,
    choose_control,
    choose_split,
    is_number,
    refusal,
    refuse_split,
    rules_of,
)
from experiments_core.workbench.sources import Source
from experiments_core.workbench.typed import load_typed

if TYPE_CHECKING:
    import pandas as pd

ALTERNATIVES = ("two-sided", "greater", "less")
CORRECTIONS = ("holm", "bh", "none", "bonferroni", "hochberg", "by")
SEQUENTIAL = (None, "always_valid", "group_sequential")
MEMORY_LIMIT = "2GB"


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
            hold one such split per phase.
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
    if known is None and metrics is None and paths_of(data):
        known = _read_known(data, variant, unit, control, answers, repeats, crossovers,
                            leave_out_bad_rows)  # fmt: skip
    if known is not None:
        data, metrics = known, known.metrics if metrics is None else metrics
        control = control or known.mapping.control or None
    elif metrics is None:
        refuse_shape(data)
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
    plan = _plan(alpha, alternative, correction, sequential, planned_units)
    past = _past_looks(looks, sequential)
    prior = _prior(bayes)
    request = replace(request, alpha=plan.alpha)
    loaded = _load(data, request)
    tested = _tested(loaded.arms, holdout, control)
    chosen = choose_control(control, tested)
    arms = (chosen, *(arm for arm in tested if arm != chosen))
    design = Design(
        arms=_in_order(arms, split, chosen),
        reference=chosen,
        metrics=request.metrics,
        phases=_phases(split, [arm for arm in arms if arm != holdout], loaded.phases),
        plan=plan,
        basis=loaded.basis,
        unit=_unit_word(unit),
        finished=sequential is None,
        said_over=sequential is None,
        looks=len(past),
        past_units=past,
        methods=on_request.chosen(method),
        holdout=holdout,
        holdout_randomised=holdout_randomised,
        spends=sequential == "group_sequential",
    )
    result = judge(loaded.cells, design, loaded.quality, data_hash=loaded.data_hash)
    if prior is not None:
        groups = Groups.of(loaded.cells, len(design.phases))
        result = bayesian.with_view(result, groups, design, prior)
    cut = tuple(
        replace(metric, segments=_segments(loaded, design, known))
        for metric, known in zip(result.metrics, design.metrics, strict=False)
    )
    again = Again(
        request,
        lambda asked: _load(data, asked),
        lambda asked, arms: _values(data, asked, arms),
    )
    return Report(
        replace(result, metrics=cut), design, loaded.cells, loaded.sql, loaded.notes,
        None if loaded.basis != "units" or isinstance(data, FileData) else again,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Data:
    """Rows as they count in an analysis.

    Attributes:
        data: One row per unit: unit, arm, first_ts and the columns by their header.
        report: Rows read, used and left out, arms, and what was noticed.
        rejects: Rows left out: line, column, value, rule, message, row.
        mapping: How the columns were read.
    """

    data: pd.DataFrame
    report: Staged
    rejects: pd.DataFrame
    mapping: ColumnRoles


def read_data(
    data: Any,
    *,
    variant: str | None = None,
    metrics: Iterable[Metric] | None = None,
    unit: str | None = None,
    time: str | None = None,
    segments: Sequence[str] = (),
    repeats: str | Mapping[str, str] = "refuse",
    crossovers: str = "exclude",
    decimal: str | None = None,
    leave_out_bad_rows: bool = True,
    answers: Mapping[str, str] | None = None,
    **said: Any,
) -> Data | FileData:
    """Read data as ``analyze`` would, and show what was left out and why.

    Without ``metrics`` a file of any shape is read (event log, totals, moments, a workbook;
    several files that belong together as a list), its columns are proposed, and what it cannot
    say by itself is raised as questions, to be answered by ``answers``.

    Args:
        data: As in :func:`analyze`, but no dict of moments; or several paths.
        variant: Column of arms.
        metrics: Which columns are outcomes and which are numbers.
        unit: Column that identifies a unit.
        time: Column with the moment a unit was first seen.
        segments: Further columns to keep.
        repeats: As in :func:`analyze`.
        crossovers: As in :func:`analyze`.
        decimal: As in :func:`analyze`.
        leave_out_bad_rows: Show rows that break a rule among the rejects; else refuse them.
        answers: Code of a question -> the answer (``{"CONVERSION_EVENT": "purchase"}``).
        said: Without ``metrics``: further fields of the import's choices, such as ``control``,
            ``conversion_events``, ``exposure_event``, ``window``, ``outcomes``, ``experiment``.

    Raises:
        InvalidInputError: the data cannot be used, or a question is open (``QUESTIONS_OPEN``).
    """
    rule, repeats_of = rules_of(repeats)
    if metrics is None:
        found = paths_of(data)
        if not found:
            refuse_shape(data)
        told = {
            "variant": variant, "unit": unit, "time": time, "segments": list(segments) or None,
            "repeats": None if rule == "refuse" else rule, "repeats_of": repeats_of,
            "crossovers": crossovers, "answers": dict(answers or {}), **said,
        }  # fmt: skip
        for path in found:
            _path(path)
        return read_file(found, told, leave_out_bad_rows=leave_out_bad_rows)
    import pandas as pd  # noqa: PLC0415 - most of a second, and only this call needs it

    request = Request(
        metrics=tuple(metrics), variant=variant or "", unit=unit, time=time,
        segments=tuple(segments), repeats=rule, repeats_of=repeats_of,
        crossovers=crossovers, decimal=decimal,
        leave_out_bad_rows=leave_out_bad_rows,
    )  # fmt: skip
    check(request)
    with database_for(data) as db:
        _, staged, mapping = loading.load_units(db, source_of(data, db), request)
        headers = {column.column: column.name for column in staged.columns}
        with db.read() as cursor:
            listed = ", ".join(["unit", "arm", "first_ts", *headers])
            frame = cursor.execute(f"SELECT {listed} FROM {staged.table} ORDER BY rowid").df()
            rows = facts.rejects_of(cursor, "", staged.rejects) if staged.rejects else ()
    names = ("line", "column", "value", "rule", "message", "row")
    rejects = pd.DataFrame(list(rows), columns=list(names))
    return Data(frame.rename(columns=headers), staged, rejects, mapping)


def _values(data: Any, request: Request, arms: tuple[str, str]) -> list[Phase]:
    with database_for(data) as db:
        return loading.load_values(db, source_of(data, db), request, arms)


def _read_known(  # noqa: PLR0917  private, called once
    data: Any,
    variant: str | None,
    unit: str | None,
    control: str | None,
    answers: Mapping[str, str] | None,
    repeats: str | Mapping[str, str],
    crossovers: str,
    leave_out_bad_rows: bool,  # noqa: FBT001  as it was given
) -> FileData:
    """A file of any shape, for an analysis that names no metric."""
    found = read_data(
        list(data) if isinstance(data, tuple) else data,
        variant=variant, unit=unit, control=control, answers=answers, repeats=repeats,
        crossovers=crossovers, leave_out_bad_rows=leave_out_bad_rows,
    )  # fmt: skip
    assert isinstance(found, FileData)  # noqa: S101  no metrics were named
    return found


def _load(data: Any, request: Request) -> Loaded:
    if isinstance(data, FileData):
        return data.loaded
    if (
        isinstance(data, Mapping)
        and data
        and all(isinstance(v, Mapping) for v in data.values())
    ):
        return load_typed(data, request.metrics)
    if not request.variant:
        raise refusal(
            "variant", None, "REQUIRED", "Nobody said which column is the variant.",
            'Say it: variant="group".',
        )  # fmt: skip
    totals = request.totals
    if totals and len(totals) < len(request.metrics):
        raise refusal(
            "metrics", [one.key for one in request.metrics], "TYPE",
            "Some metrics read totals (of=…) and others one row per unit.",
            "Ask for them in two calls.",
        )  # fmt: skip
    if totals and (request.unit or request.segments or request.phases):
        raise refusal(
            "unit", request.unit, "TYPE", "Totals have no rows per unit.",
            "Leave unit, segments and phases out.",
        )  # fmt: skip
    with database_for(data) as db:
        source = source_of(data, db)
        if totals:
            return loading.load_totals(db, source, request)
        return loading.load_units(db, source, request)[0]


def database_for(*data: Any) -> Database:
    """A database in memory that may read the files among some sources."""
    readable = [_path(one) for one in data if isinstance(one, str | Path)]
    return Database.memory(readable=readable, memory_limit=MEMORY_LIMIT)


def source_of(data: Any, db: Database) -> Source:
    """Look at a path, a table or a dict of columns."""
    if isinstance(data, str | Path):
        return sources.open_file(_path(data), db)
    return sources.open_frame(data, db)


def _path(data: str | Path) -> Path:
    path = Path(data).expanduser().resolve()
    if path.is_dir():
        raise refusal("data", str(data), "TYPE", f"“{data}” is a folder.", "Name a file in it.")
    if not path.is_file():
        raise refusal(
            "data", str(data), "NOT_FOUND", f"There is no file “{data}”.",
            f"The present folder is {Path.cwd()}.",
        )  # fmt: skip
    return path


def _plan(
    alpha: float,
    alternative: str,
    correction: str,
    sequential: str | None,
    planned_units: int | None,
) -> Plan:
    if not (is_number(alpha) and 0 < alpha < 0.5):
        raise refusal(
            "alpha", alpha, "RANGE", f"alpha is {alpha!r}.",
            "It is a fraction between 0 and 0.5; 0.05 means 5 %.",
        )  # fmt: skip
    for name, value, allowed in (
        ("alternative", alternative, ALTERNATIVES),
        ("correction", correction, CORRECTIONS),
        ("sequential", sequential, SEQUENTIAL),
    ):
        if value not in allowed:
            listed = ", ".join(str(one) for one in allowed)
            raise refusal(
                name, value, "UNKNOWN_CHOICE", f"{name} is “{value}”.",
                f"Choose one of {listed}.",
            )  # fmt: skip
    if sequential == "group_sequential" and planned_units is None:
        raise refusal(
            "planned_units", None, "REQUIRED",
            "A group-sequential test needs to know how many units are planned.",
            'Say it: planned_units=20000, or use sequential="always_valid".',
        )  # fmt: skip
    if planned_units is not None and not (is_number(planned_units) and planned_units >= 1):
        raise refusal(
            "planned_units", planned_units, "RANGE", f"planned_units is {planned_units!r}.",
            "It is the number of units of all arms together, at least 1.",
        )  # fmt: skip
    return Plan(
        alpha=float(alpha),
        alternative=alternative,
        correction=correction,
        method="fixed" if sequential is None else "sequential",
        planned_units=planned_units if sequential else None,
    )


def _prior(bayes: Mapping[str, float] | bool) -> Prior | None:  # noqa: FBT001 - as called
    """The prior that is asked for, None where no Bayesian view is.

    Raises:
        InvalidInputError: a name or a value that no prior has.
    """
    if isinstance(bayes, bool):
        return Prior() if bayes else None
    told = dict(bayes)
    known = ("alpha", "beta", "lift_deviation")
    for name, value in told.items():
        if name not in known or not is_number(value):
            raise refusal(
                "bayes", {name: value}, "UNKNOWN_CHOICE", f"The prior has {name} = {value!r}.",
                f"It has numbers for {', '.join(known)}, each of which may go.",
            )  # fmt: skip
    return Prior(**told)


def _past_looks(looks: Sequence[int], sequential: str | None) -> tuple[int, ...]:
    """Units at the earlier looks of a group-sequential test.

    Raises:
        InvalidInputError: they do not rise, or no test spends alpha.
    """
    past = tuple(looks)
    rising = all(is_number(one) and one >= 1 for one in past) and list(past) == sorted(past)
    if not rising:
        raise refusal(
            "looks", list(past), "RANGE", f"The earlier looks are at {list(past)} units.",
            "Give the units of all arms at each earlier look, in the order they were taken.",
        )  # fmt: skip
    if past and sequential != "group_sequential":
        raise refusal(
            "looks", list(past), "UNKNOWN_CHOICE", "Only a group-sequential test spends looks.",
            'Say sequential="group_sequential" with planned_units, or leave looks out.',
        )  # fmt: skip
    return tuple(int(one) for one in past)


def _tested(arms: tuple[str, ...], holdout: str | None, control: str | None) -> tuple[str, ...]:
    """The variants: every arm of the data but the holdout, unless it is compared with.

    Raises:
        InvalidInputError: there is no such arm.
    """
    if holdout is not None and holdout not in arms:
        raise refusal(
            "holdout", holdout, "NOT_FOUND", f"There is no variant “{holdout}” in the data.",
            f"There are: {', '.join(arms)}.",
        )  # fmt: skip
    return tuple(arm for arm in arms if arm != holdout or arm == control)


def _unit_word(column: str | None) -> str:
    """``user`` for a column ``user_id``."""
    word = re.sub(r"[ _]?(id|key|uuid|no|number)$", "", (column or "").strip().lower())
    return word.replace("_", " ") or "unit"


def _in_order(
    arms: tuple[str, ...], split: Mapping[str, Any] | None, control: str
) -> tuple[str, ...]:
    """Control first, then as in the split, then by name."""
    told = [arm for arm in (split or {}) if arm in arms and arm != control]
    return (control, *told, *(arm for arm in arms[1:] if arm not in told))


def _phases(
    split: Mapping[str, Any] | None, arms: Sequence[str], labels: tuple[str, ...]
) -> tuple[PhaseDesign, ...]:
    by_label = split is not None and all(isinstance(one, Mapping) for one in split.values())
    if not by_label or not split:
        return (PhaseDesign(choose_split(split, arms)),) * max(1, len(labels))
    missing = [label for label in labels if label not in split]
    if missing or not labels:
        raise refusal(
            "split", missing, "REQUIRED",
            f"The split says nothing about phase “{missing[0] if missing else ''}”.",
            f"Name a split for each phase: {', '.join(labels)}.",
        )  # fmt: skip
    return tuple(PhaseDesign(choose_split(split[label], arms)) for label in labels)


def _segments(loaded: Loaded, design: Design, metric: Metric) -> tuple[Any, ...]:
    found = (
        segment_results(cells, design, metric, column)
        for column, cells in loaded.segments.items()
    )
    return tuple(one for part in found for one in part)
