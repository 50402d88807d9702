"""Units in both versions on the robustness sheet: each rule as if the data were read by it."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import experiments_core as ec
from experiments_core.analysis.explain_robustness import explain_variation
from experiments_core.analysis.robustness import LATER_DAYS, Robustness, Setting
from experiments_core.charts import robustness as charts
from experiments_core.charts.theme import LIGHT
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb
from experiments_core.services import (
    analyses,
    assigning,
    crossing,
    downloads,
    erasing,
    experiments,
    ingestion,
)
from experiments_core.services.acting import transition
from experiments_core.services.redoing import redo
from experiments_core.services.robustness import robustness
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.stats.moments import Moments
from experiments_core.store import imports
from tests.services.conftest import Clock
from tests.services.sent import begin, event, exposure, send
from tests.services.test_downloads import run
from tests.services.test_pseudonyms import hide
from tests.services.traces import traces

HEADER = "user_id,variant,at,converted,spent\n"
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
Numbers = dict[tuple[Any, ...], tuple[Any, ...]]


def row(unit: str, arm: str, hours: float, *, paid: bool, spent: float) -> str:
    at = BEGIN + timedelta(hours=hours)
    return f"{unit},{arm},{at:%Y-%m-%d %H:%M:%S},{paid:d},{spent:.2f}\n"


def file_of(units: Iterable[int], *, seed: int = 3) -> str:
    """Units of two versions over five days, every ninth in both, some with several rows."""
    draw, lines = random.Random(seed), [HEADER]  # noqa: S311
    for n in units:
        arms = ["control", "B"] if n % 2 else ["B", "control"]
        seen = arms if n % 9 == 0 else arms[:1]
        for arm in [*seen, *(seen[:1] if n % 5 == 0 else ())]:
            hours = draw.uniform(0, 110)
            hit = draw.random() < (0.3 if arm == "B" else 0.2)
            lines.append(row(f"u{n}", arm, hours, paid=hit, spent=draw.expovariate(0.1) * hit))
    return "".join(lines)


def read_in(
    ws: Workspace, text: str, rule: str, name: str = "", experiment: str | None = None
) -> ingestion.ImportRecord:
    """A file as the data of a new experiment, or more data of one, under a rule."""
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(text.encode()), "rows.csv", experiment_id=experiment
    )
    mapping = draft.detection.proposal
    for question in draft.questions:
        answer = question.default or question.choices[0].value
        mapping = ingestion.answer(mapping, question, answer)
    mapping = replace(mapping, control="control", crossovers=rule, repeats="sum")
    if experiment is not None:
        ingestion.check(ws, LOCAL, draft.import_id, mapping)
        return ingestion.commit(ws, LOCAL, draft.import_id)
    return ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name=name or rule)


def sheet(ws: Workspace, experiment: str | None, metric: str = "spent") -> Robustness:
    return robustness(ws, LOCAL, experiment or "", metric, "B")


def numbers(found: Robustness, rule: str) -> Numbers:
    """Every number of the analyses under one rule, by method and choices."""
    told: Numbers = {}
    for one in found.variations:
        if one.setting.crossovers == rule:
            values = astuple(replace(one, strata=(), setting=Setting(), holds=False))[4:]
            key = one.method, one.adjusted, one.cap, one.setting.days
            told[key] = tuple(v for v in values if not isinstance(v, bool | dict))
    return told


def same(one: Numbers, other: Numbers) -> bool:
    """Whether two sheets say the same to twelve digits."""
    return one.keys() == other.keys() and all(
        left == pytest.approx(right, rel=1e-12, abs=1e-12)
        if isinstance(left, float)
        else left == right
        for key, values in one.items()
        for left, right in zip(values, other[key], strict=True)
    )


def points(found: Robustness, rule: str) -> list[tuple[float, ...]]:
    """What each analysis under a rule starts from: units, means and variances."""
    told = {
        (one.method, str(one.cap), one.setting.days): [
            number
            for pair in one.strata
            for arm in pair
            if isinstance(arm, Moments)
            for number in (arm.n, arm.mean, arm.variance)
        ]
        for one in found.variations
        if one.setting.crossovers == rule
    }
    return [tuple(told[key]) for key in sorted(told)]


@pytest.mark.parametrize("metric", ("spent", "converted"))
def test_each_rule_is_what_a_fresh_import_under_it_says(ws: Workspace, metric: str):
    text = file_of(range(300))
    sheets = {
        rule: sheet(ws, read_in(ws, text, rule).experiment_id, metric)
        for rule in ("exclude", "first_seen")
    }
    for kept, found in sheets.items():
        assert found.planned.setting.crossovers == kept
        assert len(found.variations) == 2 * len(numbers(found, kept))
        assert {one.setting.days for one in found.variations} == {"all", LATER_DAYS}
        assert not found.notes
    for rule in sheets:
        assert same(numbers(sheets["exclude"], rule), numbers(sheets["first_seen"], rule))
    one, other = (numbers(sheets["exclude"], rule) for rule in sheets)
    assert not same(one, other)


def test_the_notebook_says_the_same_of_a_file(ws: Workspace, tmp_path: Path):
    text = file_of(range(300))
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    stored = sheet(ws, read_in(ws, text, "exclude").experiment_id)
    report = ec.analyze(
        tmp_path / "rows.csv", metrics=[ec.Mean("spent")], variant="variant", unit="user_id",
        time="at", control="control", repeats="sum",
    )  # fmt: skip
    whole = ec.analyze(tmp_path / "rows.csv", control="control", repeats="sum")
    for found in (report.robustness("spent"), whole.robustness("spent")):
        for rule in ("exclude", "first_seen"):
            assert same(numbers(found, rule), numbers(stored, rule))


def test_the_downloaded_notebook_recomputes_both_readings(ws: Workspace):
    record = read_in(ws, file_of(range(300)), "exclude")
    view = analyses.look(ws, LOCAL, record.experiment_id or "")
    notebook = downloads.notebook_of(ws, LOCAL, view).decode()
    for rule in ("left out", "where first seen"):
        assert f"in both versions {rule} / relative_lift_ci_lower" in notebook
    run(notebook.encode())


def test_the_rows_of_the_chart_and_of_the_table_say_which_rule_they_use(ws: Workspace):
    record = read_in(ws, file_of(range(300)), "exclude")
    found = sheet(ws, record.experiment_id)
    view = analyses.look(ws, LOCAL, record.experiment_id or "")
    total = len(found.variations)
    assert f"of {total} analyses" in charts.title(found) or f"all {total}" in charts.title(
        found
    )
    rows = charts.table(found, view.result.metric("spent"))
    assert {one["In both versions"] for one in rows} == {"left out", "where first seen"}
    drawn = str(charts.robustness_sheet(found, LIGHT).to_dict())
    for said in ("one version", "first sight", "not day 1, first sight"):
        assert said in drawn
    assert "“first sight”" in charts.about_crossovers(found)
    told = explain_variation(found, found.variations[0], view.design)
    assert "units in both versions: " in told.numbers


def test_without_units_in_both_versions_nothing_is_doubled(ws: Workspace):
    record = read_in(ws, file_of(n for n in range(300) if n % 9), "exclude")
    found = sheet(ws, record.experiment_id)
    assert {one.setting.crossovers for one in found.variations} == {"exclude"}
    assert not charts.about_crossovers(found)
    assert not found.notes
    rows = charts.table(
        found, analyses.look(ws, LOCAL, record.experiment_id or "").result.metric("spent")
    )
    assert "In both versions" not in rows[0]


def test_files_added_one_after_another_are_each_read_by_the_other_rule(ws: Workspace):
    """A unit may be in both versions of one file, and in one or both of the next."""
    first, second = file_of(range(300)), file_of(range(150, 450), seed=8)
    plain = row("u9", "B", 3, paid=True, spent=50) + row(
        "u18", "control", 9, paid=True, spent=9
    )
    second = second.replace("u153,", "u154,") + plain
    made = {}
    for rule in ("exclude", "first_seen"):
        experiment = read_in(ws, first, rule).experiment_id
        later = read_in(ws, second, rule, experiment=experiment)
        made[rule] = experiment, later.id
    kept = {rule: sheet(ws, experiment) for rule, (experiment, _) in made.items()}
    for rule in kept:
        assert same(numbers(kept["exclude"], rule), numbers(kept["first_seen"], rule))
    mixed = read_in(ws, first, "exclude", name="mixed").experiment_id
    read_in(ws, second, "first_seen", experiment=mixed)
    both = sheet(ws, mixed)
    assert both.planned.setting.crossovers == crossing.AS_IMPORTED
    for rule, pure in kept.items():
        assert same(numbers(both, rule), numbers(pure, rule))
    for _, later in made.values():
        ingestion.undo(ws, LOCAL, later)
    alone = sheet(ws, made["exclude"][0])
    for rule in kept:
        assert same(numbers(alone, rule), numbers(sheet(ws, made["first_seen"][0]), rule))
    for _, later in made.values():
        redo(ws, LOCAL, later)
    for rule, (experiment, _) in made.items():
        assert same(numbers(sheet(ws, experiment), rule), numbers(kept[rule], rule))


def test_an_older_import_and_one_without_times_say_why_one_rule_is_missing(ws: Workspace):
    record = read_in(ws, file_of(range(300)), "exclude")
    report = {k: v for k, v in record.report.items() if k != "has_crossed"}
    with ws.db.write() as cursor:
        imports.update_import(cursor, record.id, {"report": report})
    found = sheet(ws, record.experiment_id)
    assert found.notes == (crossing.OLDER,)
    assert {one.setting.crossovers for one in found.variations} == {"exclude"}
    untimed = "".join(
        ",".join(cells[:2] + cells[3:])
        for line in file_of(range(300)).splitlines(keepends=True)
        if (cells := line.split(","))
    )
    found = sheet(ws, read_in(ws, untimed, "exclude", name="No times").experiment_id)
    assert found.notes[0] == crossing.NO_TIMES
    assert len({one.setting for one in found.variations}) == 1


def test_a_person_in_both_versions_goes_from_both_readings(ws: Workspace):
    name = "zoe.quill@example.org"
    text = file_of(range(300))
    crossed = row(name, "B", 1, paid=True, spent=80) + row(
        name, "control", 2, paid=True, spent=1
    )
    without = sheet(ws, read_in(ws, text, "exclude").experiment_id)
    for rule in ("exclude", "first_seen"):
        experiment = read_in(ws, text + crossed, rule, name=f"with {rule}").experiment_id
        assert not same(
            numbers(sheet(ws, experiment), "first_seen"), numbers(without, "first_seen")
        )
        erasing.erase_unit(ws, LOCAL, name)
        assert traces(ws, name) == []
        found = sheet(ws, experiment)
        for each in ("exclude", "first_seen"):
            assert same(numbers(found, each), numbers(without, each))


def test_pseudonyms_are_kept_beside_too_and_a_purge_takes_everything(ws: Workspace):
    text = file_of(range(300))
    with open_workspace(":memory:") as other:
        open_ids = sheet(other, read_in(other, text, "exclude").experiment_id)
    hide(ws)
    record = read_in(ws, text, "exclude", name="Hidden")
    found = sheet(ws, record.experiment_id)
    for rule in ("exclude", "first_seen"):
        assert same(numbers(found, rule), numbers(open_ids, rule))
    with ws.db.read() as cursor:
        names = [name for (name,) in cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'crossed_')"
        ).fetchall()]  # fmt: skip
        (plain,) = cursor.execute(
            f"SELECT count(*) FROM {names[0]} WHERE starts_with(unit, 'u')"
        ).fetchall()
    assert len(names) == 1
    assert plain == (0,)
    kept = experiments.get_experiment(ws, LOCAL, record.experiment_id or "")
    binned = transition(ws, LOCAL, kept.id, Verb.DELETE.value, version=kept.version)
    erasing.purge(ws, LOCAL, kept.id, version=binned.version)
    with ws.db.read() as cursor:
        left = cursor.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE starts_with(table_name, 'crossed_')"
        ).fetchall()
    assert left == [(0,)]


def happenings(
    ws: Workspace, test: Experiment, seed: int, *, crossed: int = 7
) -> tuple[list[dict[str, Any]], list[str]]:
    """The same as events of the API and as lines of an event log; some units in both arms."""
    draw, arms, now = random.Random(seed), ("control", "treatment"), ws.now()  # noqa: S311
    lines, sent = ["user_id,variant,event,at,amount\n"], []
    for n in range(150):
        unit, start = f"u{n}", now - timedelta(days=7 - n % 6, minutes=n)
        arm = arms[n % 2]
        if test.assignment_mode == "hash":
            arm = assigning.assign(ws, LOCAL, test.id, unit, dry_run=True).variant or ""
        other = arms[1 - arms.index(arm)]
        seen = [(arm, start)]
        if n % crossed == 0:
            seen.append((other, start + timedelta(hours=5)))
        for variant, at in seen:
            sent.append(exposure(unit, at, variant=variant))
            lines.append(f"{unit},{variant},seen,{at:%Y-%m-%d %H:%M:%S},\n")
        for step in range(n % 4):
            at = start + timedelta(hours=2 + 4 * step)
            value = round(draw.expovariate(0.1), 2)
            sent.append(event(unit, "spent", at, value))
            lines.append(f"{unit},,spent,{at:%Y-%m-%d %H:%M:%S},{value}\n")
    return sent, lines


def read_log(ws: Workspace, lines: list[str], rule: str) -> Robustness:
    draft = ingestion.receive(ws, LOCAL, io.BytesIO("".join(lines).encode()), "log.csv")
    mapping = replace(
        draft.detection.proposal, control="control", crossovers=rule, finished=True,
        conversion_events=("spent",), exposure_event="seen", window="all",
    )  # fmt: skip
    record = ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name=f"Log {rule}")
    return robustness(ws, LOCAL, record.experiment_id or "", "amount", "treatment")


def check_events(ws: Workspace, test: Experiment, lines: list[str]) -> None:
    """Both readings of the events are those of the log under each rule."""
    found = robustness(ws, LOCAL, test.id, "spent", "treatment")
    assert len(numbers(found, "first_seen")) == len(numbers(found, "exclude")) > 0
    assert points(found, "first_seen") != points(found, "exclude")
    for rule in ("exclude", "first_seen"):
        read = read_log(ws, lines, rule)
        for one, other in zip(points(found, rule), points(read, rule), strict=True):
            assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("mode", ("external", "hash"))
def test_of_events_each_rule_is_what_a_log_read_by_it_says(
    ws: Workspace, clock: Clock, mode: str
):
    test = begin(ws, assignment_mode=mode)
    clock.wait(days=9)
    sent, lines = happenings(ws, test, 5)
    assert send(ws, *sent).accepted == len(sent)
    check_events(ws, test, lines)


def test_where_units_were_seen_before_they_were_dealt_out_anew_tells_nothing(
    ws: Workspace, clock: Clock
):
    test = begin(ws)
    clock.wait(days=9)
    sent, _ = happenings(ws, test, 5, crossed=3)
    send(ws, *sent)
    stopped = transition(ws, LOCAL, test.id, "stop", version=test.version)
    test = transition(ws, LOCAL, test.id, "start", version=stopped.version, reassign="fresh")
    clock.wait(days=9)
    sent, lines = happenings(ws, test, 6)
    assert send(ws, *sent).accepted == len(sent)
    check_events(ws, test, lines)
