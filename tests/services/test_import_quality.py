"""What the quality report finds, each case in a file of its own, with line and count."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import Mapping, Role
from experiments_core.services import acting, experiments, ingestion
from experiments_core.services.import_report import ImportReport, Remark
from experiments_core.services.workspace import Workspace

ARMS = ("control", "treatment")


def rows(
    count: int = 60, cells: Callable[[int], str] | None = None, header: str = "", **more: str
) -> str:
    """``user_id,variant,converted`` and further cells per row."""
    extra = "".join(f",{name}" for name in more)
    lines = [header or f"user_id,variant,converted{extra}"]
    for n in range(count):
        line = f"u{n},{ARMS[n % 2]},{int(n % 3 == 0)}"
        lines.append(line + (f",{cells(n)}" if cells else ""))
    return "\n".join(lines) + "\n"


def report_of(
    ws: Workspace,
    text: str,
    *,
    experiment: Experiment | None = None,
    answers: dict[str, str] | None = None,
    roles: dict[str, Role] | None = None,
    **changes: Any,
) -> tuple[ImportReport, Mapping, str]:
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(text.encode()), "test.csv",
        experiment_id=experiment.id if experiment else None,
    )  # fmt: skip
    mapping = replace(draft.detection.proposal, **changes)
    for name, role in (roles or {}).items():
        place = next(c.position for c in mapping.columns if c.name == name)
        mapping = ingestion.give_role(mapping, place, role)
    for question in draft.questions:
        value = (answers or {}).get(question.code) or question.default
        mapping = ingestion.answer(mapping, question, value or question.choices[0].value)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    for question in report.questions:
        if question.code in (answers or {}):
            mapping = ingestion.answer(mapping, question, (answers or {})[question.code])
    return ingestion.check(ws, LOCAL, draft.import_id, mapping), mapping, draft.import_id


def found(report: ImportReport, code: str) -> Remark:
    (one,) = [remark for remark in report.warnings if remark.code == code]
    return one


def codes(report: ImportReport) -> set[str]:
    return {remark.code for remark in report.warnings}


def test_a_clean_file_raises_no_suspicion(ws: Workspace) -> None:
    text = rows(400, lambda n: f"{n % 7},{'DE' if n % 5 else 'US'}", converted="", country="")
    text = text.replace("converted,converted,country", "converted,prior_orders,country")
    report, _, _ = report_of(ws, text)
    assert report.warnings == ()
    assert report.effects == ()


def test_blank_cells_come_with_their_lines(ws: Workspace) -> None:
    text = rows(60, lambda n: "" if n in {4, 9} else str(n), revenue="")
    report, _, _ = report_of(ws, text, answers={"OUTCOME_BLANK": "exclude"})
    remark = found(report, "OUTCOME_BLANK")
    assert (remark.rows, remark.column, remark.lines[0]) == (2, "revenue", 6)
    assert [(one.line, one.unit) for one in remark.examples] == [(6, "u4"), (11, "u9")]


def test_at_most_a_hundred_examples_are_kept(ws: Workspace) -> None:
    text = rows(600, lambda n: "" if n % 2 else str(n), prior_orders="")
    remark = found(report_of(ws, text)[0], "COVARIATE_MISSING")
    assert (remark.rows, len(remark.examples)) == (300, 100)


def test_lines_stay_right_below_quoted_line_breaks_and_rejected_rows(ws: Workspace) -> None:
    lines = rows(60, lambda n: f'"a\nb",{"" if n == 30 else n}', note="", revenue="").split(
        "\n"
    )
    text = "\n".join(lines).replace("u3,control,", "u3,,").replace("u2,control,0", "u2,,0")
    report, _, _ = report_of(ws, text, answers={"OUTCOME_BLANK": "exclude"})
    remark = found(report, "OUTCOME_BLANK")
    line = remark.examples[0].line
    assert remark.examples[0].unit == "u30"
    assert text.split("\n")[line - 1].startswith("u30,")


@pytest.mark.parametrize(
    ("ids", "count"),
    (
        (lambda n: f"1.{n:05d}E+15", 60),
        (lambda n: f"1,{n:05d}E+15" if n else "7E+15", 60),
        (lambda n: f"{123456789012345 + n}000", 60),
    ),
)
def test_identifiers_that_a_spreadsheet_has_rounded_are_shown(
    ws: Workspace, ids: Callable[[int], str], count: int
) -> None:
    text = "user_id;variant;converted\n" + "".join(
        f"{ids(n)};{ARMS[n % 2]};{n % 3 == 0:d}\n" for n in range(60)
    )
    remark = found(report_of(ws, text, roles={"user_id": Role.UNIT})[0], "UNIT_ID_DAMAGED")
    assert (remark.rows, remark.examples[0].line) == (count, 2)
    assert remark.examples[0].value in remark.message


def test_long_identifiers_that_are_whole_are_fine(ws: Workspace) -> None:
    text = rows(60).replace("\nu", "\n1234567890123456")
    assert "UNIT_ID_DAMAGED" not in codes(report_of(ws, text)[0])


def test_a_covariate_that_is_the_outcome_is_named(ws: Workspace) -> None:
    text = rows(60, lambda n: str(int(n % 3 == 0)), prior_purchases="")
    report, _, _ = report_of(ws, text, roles={"prior_purchases": Role.COVARIATE})
    assert found(report, "COVARIATE_IS_OUTCOME").column == "prior_purchases"


def test_a_covariate_that_is_the_value_in_another_unit_is_named(ws: Workspace) -> None:
    text = rows(60, lambda n: f"{n * 1.5},{n * 150}", revenue="", previous_cents="")
    report, _, _ = report_of(ws, text, roles={"previous_cents": Role.COVARIATE})
    assert "“revenue”" in found(report, "COVARIATE_IS_OUTCOME").message


@pytest.mark.parametrize("odd", (0, 1))
def test_a_segment_that_the_outcome_decides_is_named(ws: Workspace, odd: int) -> None:
    def payment(n: int) -> str:
        return "none" if n % 3 or n < odd else ("card", "paypal")[n % 2]

    report, _, _ = report_of(ws, rows(900, payment, payment=""))
    assert found(report, "SEGMENT_LEAKS_OUTCOME").column == "payment"


def test_a_segment_that_only_goes_with_the_outcome_is_not_named(ws: Workspace) -> None:
    report, _, _ = report_of(ws, rows(900, lambda n: "ab"[n % 3 == 0 and n % 4 > 0], plan=""))
    assert "SEGMENT_LEAKS_OUTCOME" not in codes(report)


PAGES = ("old_page", "new_page")


def contradicting(n: int) -> str:
    return PAGES[(n + (n in {10, 21, 32})) % 2]


def test_a_column_that_contradicts_the_variant_is_a_question_with_both_results(
    ws: Workspace,
) -> None:
    report, _, _ = report_of(ws, rows(60, contradicting, landing_page=""))
    (question,) = [one for one in report.questions if one.code == "COLUMNS_CONTRADICT"]
    assert "in 3 rows (“control” with “new_page”: 2; “treatment” with “old_page”: 1)" in (
        question.text
    )
    assert question.default == "exclude"
    counts = {one.choice: [n for n, _, _ in one.arms.values()] for one in report.effects}
    assert counts == {"exclude": [28, 29], "keep": [30, 30]}


def test_rows_that_contradict_the_variant_are_left_out_on_request(ws: Workspace) -> None:
    text = rows(60, contradicting, landing_page="")
    report, mapping, import_id = report_of(ws, text, answers={"COLUMNS_CONTRADICT": "exclude"})
    assert mapping.contradictions == {"landing_page": "exclude"}
    assert (report.rows_used, report.rows_left_out) == (57, 3)
    assert [(one.line, one.rule) for one in report.first_rejects] == [
        (12, "VARIANT_CONTRADICTED"), (23, "VARIANT_CONTRADICTED"),
        (34, "VARIANT_CONTRADICTED"),
    ]  # fmt: skip
    assert (
        report.first_rejects[0].message == "landing_page “new_page” belongs to another variant"
    )
    record = ingestion.commit_as_new(ws, LOCAL, import_id, mapping, name="x")
    assert record.rows_used == 57
    again, remembered, _ = report_of(ws, text + "\n")
    assert (again.rows_used, remembered.contradictions) == (57, mapping.contradictions)
    kept, _, _ = report_of(ws, text + "\n\n", contradictions={"landing_page": "keep"})
    assert (kept.rows_used, kept.questions) == (60, ())


def test_a_column_that_repeats_the_variant_is_no_segment(ws: Workspace) -> None:
    report, _, _ = report_of(ws, rows(60, lambda n: PAGES[n % 2], landing_page=""))
    assert found(report, "SEGMENT_IS_VARIANT").column == "landing_page"
    assert report.questions == ()


def test_crossed_units_show_the_result_under_each_choice(ws: Workspace) -> None:
    def moment(n: int) -> str:
        return f"2026-05-{1 + n % 20:02d}T10:00"

    text = rows(60, moment, seen="") + (
        "u0,treatment,0,2026-04-30T08:00\nu1,control,1,2026-06-01T08:00\n"
    )
    report, _, _ = report_of(ws, text)
    assert (report.crossed_units, report.rows_left_out) == (2, 4)
    by_choice = {one.choice: one.arms for one in report.effects}
    assert {c: [n for n, _, _ in arms.values()] for c, arms in by_choice.items()} == {
        "exclude": [29, 29], "first_seen": [29, 31],
    }  # fmt: skip
    first, _, _ = report_of(ws, text + "\n", crossovers="first_seen")
    assert list(first.arms.values()) == [29, 31]  # what was foretold
    for one in first.effects:
        for arm, (n, mean, _) in one.arms.items():
            assert (n, mean) == pytest.approx(by_choice[one.choice][arm][:2])


def test_rows_that_a_join_has_multiplied_are_noticed(ws: Workspace) -> None:
    lines = rows(60).split("\n")
    thrice = "\n".join([lines[0], *(line for line in lines[1:-1] for _ in range(3)), ""])
    report, _, _ = report_of(ws, thrice, roles={"user_id": Role.UNIT})
    assert report.rows_used == 60
    assert "exactly 3 times" in found(report, "ROWS_MULTIPLIED").message


def test_values_that_a_join_has_repeated_are_noticed(ws: Workspace) -> None:
    def line(n: int, item: int) -> str:
        return f"u{n},{ARMS[n % 2]},{n % 3 == 0:d},item{item}"

    text = "user_id,variant,converted,item\n" + "".join(
        f"{line(n, item)}\n" for n in range(240) for item in range(1 + n % 4)
    )
    report, _, _ = report_of(ws, text, roles={"user_id": Role.UNIT, "item": Role.IGNORE})
    assert "Added up they would count several times" in found(report, "ROWS_MULTIPLIED").message
    sessions = text.replace(",1,item0", ",0,item0")  # they differ: sessions, not a join
    report, _, _ = report_of(ws, sessions, roles={"user_id": Role.UNIT, "item": Role.IGNORE})
    assert "ROWS_MULTIPLIED" not in codes(report)


def test_names_that_only_look_the_same_are_one_variant_and_said_so(ws: Workspace) -> None:
    text = rows(60).replace("u6,control", "u6,c\u043entrol").replace("u8,control", "u8,CONTROL")
    report, _, _ = report_of(ws, text)
    assert report.arms == {"control": 30, "treatment": 30}
    told = [one.message for one in report.warnings if one.code == "VARIANT_MERGED"]
    assert any("CYRILLIC SMALL LETTER O" in message for message in told)
    assert any("“CONTROL” → “control”" in message for message in told)


def test_names_in_another_alphabet_stay_apart(ws: Workspace) -> None:
    text = rows(60).replace("control", "старая").replace("treatment", "новая")
    report, _, _ = report_of(ws, text)
    assert set(report.arms) == {"старая", "новая"}
    assert "VARIANT_MERGED" not in codes(report)


def test_an_uneven_split_is_named_unless_it_was_meant(ws: Workspace) -> None:
    lines = [f"u{n},{ARMS[n % 11 == 0]},{n % 3 == 0:d}" for n in range(1100)]
    text = "\n".join(["user_id,variant,converted", *lines, ""])
    remark = found(report_of(ws, text)[0], "SAMPLE_RATIO_MISMATCH")
    assert "control : treatment were counted 1\u202f000 : 100, but 50 : 50 was intended" in (
        remark.message
    )
    meant = {"control": 9091, "treatment": 909}
    assert "SAMPLE_RATIO_MISMATCH" not in codes(report_of(ws, text, split=meant)[0])


def started(ws: Workspace) -> Experiment:
    made = experiments.create_experiment(
        ws, LOCAL, ExperimentDraft("Banner", metrics=(Proportion("converted"),), owner="x")
    )
    return acting.transition(ws, LOCAL, made.id, "start", version=made.version)


def test_rows_outside_the_run_are_counted_and_late_ones_are_late(
    ws: Workspace, clock: Any
) -> None:
    clock.now = datetime(2026, 5, 4, 9, tzinfo=UTC)
    running = started(ws)
    clock.wait(days=5)
    paused = acting.transition(
        ws, LOCAL, running.id, "pause", version=running.version, reason="a fault"
    )
    clock.wait(days=2)
    resumed = acting.transition(ws, LOCAL, paused.id, "resume", version=paused.version)
    clock.wait(days=5)
    days = {0: "2026-05-01", 1: "2026-05-02", 2: "2026-05-10", 3: "2026-05-20"}
    text = rows(60, lambda n: f"{days.get(n, '2026-05-06')}T12:00", seen="")
    report, _, _ = report_of(ws, text, experiment=resumed)
    told = [one for one in report.warnings if one.code == "OUTSIDE_RUN"]
    assert [(one.rows, [e.line for e in one.examples]) for one in told] == [
        (2, [2, 3]), (1, [4]),
    ]  # fmt: skip
    assert "paused" in told[1].message
    stopped = acting.transition(ws, LOCAL, resumed.id, "stop", version=resumed.version)
    report, _, _ = report_of(ws, text + "\n", experiment=stopped)
    assert [one.rows for one in report.warnings if one.code == "OUTSIDE_RUN"] == [2, 1, 1]
    acting.transition(
        ws, LOCAL, stopped.id, "complete", version=stopped.version, conclusion="inconclusive"
    )
    report, _, _ = report_of(ws, text + "\n\n", experiment=stopped)
    assert found(report, "LATE_DATA").rows == 1


def test_a_file_as_long_as_a_sheet_may_be_cut_off(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments_core.store.quality.SPREADSHEET_ROWS", frozenset({60}))
    assert "is the rest missing?" in found(report_of(ws, rows(60))[0], "FILE_CUT_OFF").message
    assert "FILE_CUT_OFF" not in codes(report_of(ws, rows(61))[0])


def test_the_report_can_be_taken_along_and_runs_nowhere(ws: Workspace) -> None:
    text = rows(60, lambda n: "" if n in {4, 9} else str(n), revenue="")
    text = text.replace("\nu4,", "\n=cmd,") + "x,control,perhaps,1\n"
    _, _, import_id = report_of(ws, text, answers={"OUTCOME_BLANK": "exclude"})

    def lines(**more: bool) -> list[dict[str, str]]:
        data = ingestion.quality_csv(ws, LOCAL, import_id, **more).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(data)))

    told = {(row["code"], row["line"]): row for row in lines()}
    assert set(told) >= {
        ("OUTCOME_WORD", "62"),
        ("OUTCOME_BLANK", "6"),
        ("OUTCOME_BLANK", "11"),
    }
    assert told["OUTCOME_BLANK", "6"]["unit"] == "'=cmd"
    plain = {(row["code"], row["line"]): row for row in lines(for_spreadsheet=False)}
    assert plain["OUTCOME_BLANK", "6"]["unit"] == "=cmd"


def test_choices_tell_units_values_and_lifts_of_the_first_measure(ws: Workspace) -> None:
    report, _, _ = report_of(ws, rows(60, contradicting, landing_page=""))
    kept = ingestion.choice_results(report.effects, "treatment")[1]
    assert (kept.about, kept.choice, kept.measure) == ("landing_page", "keep", "converted")
    assert [(one.arm, one.n, one.value) for one in kept.arms] == [
        ("treatment", 30, pytest.approx(1 / 3)), ("control", 30, pytest.approx(1 / 3)),
    ]  # fmt: skip
    assert kept.arms[0].lift is None
    assert kept.arms[1].lift == pytest.approx(0)
