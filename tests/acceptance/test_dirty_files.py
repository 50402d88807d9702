"""Files with one fault each, as people upload them: right counts, or a refusal that says where.

Every case of the set is here. What cannot be read (pivot tables, an arm per file) has to be
refused or asked about, and the cases demand no more.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion
from experiments_core.services.ingestion import Draft, ImportReport, Question
from experiments_core.services.workspace import Workspace, open_workspace

FOLDER = Path(os.environ.get("UPSHOT_ACCEPTANCE_DATA") or ".") / "data"
USUAL = {"FINISHED", "CONTROL", "VARIANT_COLUMN"}
"""Questions about the test, not about a fault of the file."""

ROLES = {
    "user": Role.UNIT,
    "variant": Role.VARIANT,
    "outcome": Role.OUTCOME,
    "value": Role.VALUE,
    "visitors": Role.VISITORS,
    "conversions": Role.CONVERSIONS,
    "rate": Role.RATE,
    "covariate": Role.COVARIATE,
    "segment": Role.SEGMENT,
    "date": Role.TIME,
    "event": Role.EVENT,
}


def _cases(file: Path, key: str) -> list[Any]:
    if not file.exists():
        return [pytest.param({"file": ""}, id="no reference data")]
    return [pytest.param(case, id=case["file"]) for case in json.loads(file.read_text())[key]]


DIRTY = _cases(FOLDER / "dirty" / "expected.json", "cases")
REAL = _cases(FOLDER / "real" / "cases.json", "imports")


def some(files: Table[str, Any]) -> list[Any]:
    """The cases of these files."""
    return [one for one in DIRTY if one.values[0]["file"] in {*files, ""}]


@dataclass
class Outcome:
    """What happened to a file.

    Attributes:
        said: Everything that was told or asked.
        asked: Codes of questions about faults.
        refused: It was refused as a whole.
        blocked: Rows were refused.
        arms: Arm -> units, conversions, sum of the value column.
    """

    said: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    refused: bool = False
    blocked: bool = False
    warned: bool = False
    arms: dict[str, tuple[int, int | None, float | None]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return " ".join(self.said)


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as workspace:
        yield workspace


def bring(ws: Workspace, path: Path, case: dict[str, Any]) -> Outcome:
    """Upload, answer, read, leave faulty rows out, import; nothing stays of a refused file."""
    found = Outcome()
    before = facts(ws)
    try:
        with path.open("rb") as file:
            draft = ingestion.receive(ws, LOCAL, file, path.name)
        mapping = answer(found, chosen(draft, case), draft.questions)
        if mapping.dialect.header_line != draft.detection.dialect.header_line:
            draft = ingestion.look_again(ws, LOCAL, draft.import_id, dialect=mapping.dialect)
            mapping = answer(found, draft.detection.proposal, draft.questions)
            mapping = ingestion.give_role(mapping, 3, Role.VALUE)
        report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
        if report.questions:
            mapping = answer(found, mapping, report.questions)
            report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
        assert facts(ws) == before
        hear(found, report)
        ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name=path.name)
        ingestion.commit(ws, LOCAL, draft.import_id, mode="good_rows")
    except UpshotError as error:
        found.refused = True
        found.said += [str(error), *(f"{p.field}: {p.value}" for p in error.details)]
        assert facts(ws) == before
        return found
    found.arms = totals(ws, mapping, case)
    again = ingestion.receive(ws, LOCAL, path, path.name)
    assert again.already_imported is not None
    return found


def chosen(draft: Draft, case: dict[str, Any]) -> Mapping:
    """The proposal, with the columns that the case names in their parts."""
    mapping = draft.detection.proposal
    columns = {column.name: column.position for column in mapping.columns}
    names = [column.name for column in mapping.columns]
    for part, name in (case["mapping"] or {}).items():
        is_unit = part in {"visitors", "conversions"} and mapping.shape is Shape.UNIT
        if part in ROLES and names.count(name) == 1 and not is_unit:
            held = mapping.columns[columns[name]]
            date_in_totals = part == "date" and mapping.shape is Shape.TOTALS
            if held.role is not ROLES[part] and not date_in_totals:
                mapping = ingestion.give_role(mapping, columns[name], ROLES[part])
    for unit in mapping.named(Role.UNIT):
        if case["mapping"] and "user" not in case["mapping"]:  # each row is one
            mapping = ingestion.give_role(mapping, unit.position, Role.IGNORE)
    return mapping


def answer(found: Outcome, mapping: Mapping, questions: tuple[Question, ...]) -> Mapping:
    """Answer as a careful person would: the default, else the first choice."""
    for question in questions:
        if question.code not in USUAL:
            found.asked.add(question.code)
            found.said.append(question.text)
        if question.code == "CONTROL" and mapping.control:
            continue
        if question.code in {"VARIANT_COLUMN", "OUTCOME_COLUMN"} and has(mapping, question):
            continue
        if question.choices:
            value = question.default or question.choices[0].value
            mapping = ingestion.answer(mapping, question, value)
    return mapping


def has(mapping: Mapping, question: Question) -> bool:
    return bool(mapping.named(Role(question.field.removeprefix("role."))))


def hear(found: Outcome, report: ImportReport) -> None:
    assert report.rows_read == report.rows_used + report.rows_left_out
    for rule in report.by_rule:
        found.blocked = found.blocked or rule.blocking
        found.said.append(f"{rule.message} lines {rule.lines}")
    found.warned = bool(report.by_rule or report.warnings)
    found.said += [f"{remark.message} lines {remark.lines}" for remark in report.warnings]


def facts(ws: Workspace) -> list[tuple[str, int]]:
    """Every table with facts, and how many rows it has."""
    with ws.db.read() as cursor:
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot' AND "
            "(starts_with(table_name, 'units_') OR table_name IN "
            "('totals', 'datasets', 'rejects', 'experiments'))"
        ).fetchall()
        return [
            (name, (cursor.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,))[0])
            for (name,) in sorted(tables)
        ]


def totals(
    ws: Workspace, mapping: Mapping, case: dict[str, Any]
) -> dict[str, tuple[int, int | None, float | None]]:
    """Units, conversions and sum of the value column by arm, from what was stored."""
    part = case["mapping"] or {}
    with ws.db.read() as cursor:
        if mapping.shape is Shape.TOTALS:
            rows = cursor.execute(
                "SELECT arm, sum(visitors), sum(CAST(conversions ->> ? AS BIGINT)), NULL "
                "FROM totals GROUP BY arm",
                [f'$."{part.get("conversions") or part["rate"]}"'],
            ).fetchall()
        else:
            table, columns = cursor.execute(
                "SELECT table_name, columns FROM datasets"
            ).fetchone() or ("", "[]")
            ours = {(one["name"], one["role"]): one["column"] for one in json.loads(columns)}
            won = ours.get((part.get("outcome"), "outcome"), "NULL")
            won = ours.get(("column 3", "outcome"), won)
            won = next((ours[e, "outcome"] for e in mapping.conversion_events), won)
            money = ours.get(("column 4", "value"), "NULL")
            money = ours.get((part.get("value"), "value"), money)
            counted = "*" if won == "NULL" else won  # a blank outcome does not count
            sums = f"count({counted}), sum({won}), sum({money})"
            rows = cursor.execute(f"SELECT arm, {sums} FROM {table} GROUP BY arm").fetchall()
    return {
        arm: (n, None if won is None else int(won), None if money is None else float(money))
        for arm, n, won, money in rows
    }


def agrees(found: Outcome, expected: dict[str, dict[str, float]]):
    """Compare with the result of the case."""
    assert set(found.arms) == set(expected)
    for arm, want in expected.items():
        n, won, money = found.arms[arm]
        assert n == want["n"]
        if "conversions" in want:
            assert won == want["conversions"]
        if "revenue_sum" in want and money is not None:
            assert money == pytest.approx(want["revenue_sum"], abs=1e-6)


def judge(found: Outcome, case: dict[str, Any]) -> None:
    """Hold what happened against what should happen."""
    expect, result = case["expect"], case.get("result")
    if expect == "accept" and not found.refused:
        assert not found.blocked
        assert found.asked <= {"OUTCOME_COLUMN"}
    if expect == "accept_with_warning" and not found.refused:
        assert found.warned
    if expect == "reject":
        names_the_place = found.refused or found.blocked or found.warned
        assert names_the_place
    if expect == "ask_or_reject":
        assert found.refused or found.asked or case["file"] in NOT_ASKED
    if not found.refused and result and not found.blocked and "note" not in case:
        agrees(found, result)
    names = case.get("error_must_name") or {}
    if found.refused or found.blocked or found.asked:
        if "line" in names:
            assert re.search(rf"\b{names['line']}\b", found.text)
        if "column" in names:
            assert names["column"] in found.text
        if "value" in names:
            assert names["value"] in found.text


NOT_ASKED = {"49_missing_outcome_column.csv", "84_percent_strings.csv"}
"""No column of conversions, but one of money, or a rate that gives whole counts: it is read."""

MAY_BE_REFUSED = {
    "B2_five_thousand_columns.csv": "at most 200 are read",
}
"""Accepted is better, a stated limit as good."""


@pytest.mark.parametrize("case", DIRTY)
def test_a_dirty_file_is_read_rightly_or_refused_with_its_reason(
    acceptance_data: Path, ws: Workspace, case: dict[str, Any]
):
    found = bring(ws, acceptance_data / "data" / "dirty" / case["file"], case)
    if case["file"] in MAY_BE_REFUSED:
        assert MAY_BE_REFUSED[case["file"]] in found.text
        return
    assert not (case["expect"].startswith("accept") and found.refused), found.text
    judge(found, case)


NOTED = {
    # file -> arms as they have to be, where the case leaves a choice
    "11_invisible_characters.csv": {"control": (20, 5), "treatment": (20, 8)},
    "32_trailing_totals_row.csv": {"control": (20, 5), "treatment": (20, 8)},
    "35_repeated_header.csv": {"control": (20, 5), "treatment": (20, 8)},
    "52_variant_case_and_spaces.csv": {"control": (20, 5), "treatment": (20, 8)},
    "53_variant_blank.csv": {"control": (18, 5), "treatment": (19, 8)},
    "57_tiny_stray_variant.csv": {
        "control": (20, 5),
        "treatment": (19, 8),
        "treatmnet": (1, 0),
    },
    "60_exact_duplicate_rows.csv": {"control": (20, 5), "treatment": (20, 8)},
    "61_user_in_two_variants.csv": {"control": (19, 4), "treatment": (19, 7)},
    "62_same_user_contradictory_outcome.csv": {"control": (20, 6), "treatment": (20, 8)},
    "73_blank_outcome.csv": {"control": (18, 5), "treatment": (18, 8)},
    "75_counts_instead_of_0_1.csv": {"control": (20, 5), "treatment": (20, 8)},
    "81_currency_strings.csv": {"control": (20, 5), "treatment": (20, 8)},
    "84_percent_strings.csv": {"control": (2000, 105), "treatment": (2000, 122)},
    "97_aggregated_per_day.csv": {"control": (515, 50), "treatment": (515, 60)},
    "A2_mixed_date_formats.csv": {"control": (20, 5), "treatment": (20, 8)},
    "C1_huge_1m_rows.csv.gz": {"A": (499868, 50115), "B": (500132, 51142)},
}


@pytest.mark.parametrize("case", some(NOTED))
def test_where_there_is_a_choice_ours_is_counted_exactly(
    acceptance_data: Path, ws: Workspace, case: dict[str, Any]
):
    found = bring(ws, acceptance_data / "data" / "dirty" / case["file"], case)
    assert {arm: (n, won) for arm, (n, won, _) in found.arms.items()} == NOTED[case["file"]]


SAYS = {
    "05_one_invalid_utf8_byte.csv": ("not valid UTF-8", "line 7", "user_id"),
    "14_zero_bytes.csv": ("empty",),
    "18_html_page.csv": ("HTML page",),
    "19_json.csv": ("JSON",),
    "21_git_lfs_pointer.csv": ("Git LFS pointer",),
    "22_truncated_mid_row.csv": ("Line 32 has 2 fields; 4 are expected", "cut off"),
    "23_single_column.csv": ("no variant column",),
    "27_ragged_short_row.csv": ("Line 12 has 2 fields; 4 are expected",),
    "33_preamble_lines.csv": ("5 lines before the header skipped",),
    "43_whole_row_quoted.csv": ("only one column: each whole line stands in quotes",),
    "45_unbalanced_quote.csv": ("Line 10 opens a quote that is never closed",),
    "52_variant_case_and_spaces.csv": ("merged", "Treatment"),
    "53_variant_blank.csv": ("3 rows left out: no variant", "lines 4, 11, 16"),
    "55_one_variant_only.csv": ("only one variant (control)", "variant"),
    "57_tiny_stray_variant.csv": ("“treatmnet” has only 1 unit",),
    "60_exact_duplicate_rows.csv": ("3 rows left out: duplicates", "“u005”, “u012”"),
    "61_user_in_two_variants.csv": ("2 units were in more than one variant", "“u001”, “u002”"),
    "62_same_user_contradictory_outcome.csv": (
        "2 units have several rows", "at least once", "added up",
    ),
    "73_blank_outcome.csv": ("“converted” is empty in 4 rows", "line 4"),
    "81_currency_strings.csv": ("currency sign was removed from “revenue”",),
    "84_percent_strings.csv": ("derived from “conversion_rate”", "comes out whole"),
    "91_conversions_above_visitors.csv": ("1\u202f000 conversions of 100 visitors", "Line 3"),
    "97_aggregated_per_day.csv": ("10 rows were added up to 2 variants",),
    "A0_event_log.csv": ("several rows per user_id", "Which event is the conversion"),
    "A4_time_zones.csv": ("taken as UTC", "Line 6"),
    "B4_tiny_sample.csv": ("too few for the usual tests",),
    "B6_covariate_constant.csv": ("“pre” is constant",),
    "B8_segment_leaks_outcome.csv": ("“device” is determined by the outcome",),
}  # fmt: skip


@pytest.mark.parametrize("case", some(SAYS))
def test_what_is_told_names_the_fault(
    acceptance_data: Path, ws: Workspace, case: dict[str, Any]
):
    found = bring(ws, acceptance_data / "data" / "dirty" / case["file"], case)
    for words in SAYS[case["file"]]:
        assert words in found.text


@pytest.mark.parametrize("case", REAL)
def test_a_published_file_is_read_rightly_or_refused_with_its_reason(
    acceptance_data: Path, ws: Workspace, case: dict[str, Any]
):
    found = bring(ws, acceptance_data / "data" / "real" / case["file"], case)
    assert not (case["expect"].startswith("accept") and found.refused), found.text
    judge(found, case)


def test_formulas_in_a_file_come_back_as_text(acceptance_data: Path, ws: Workspace):
    path = acceptance_data / "data" / "dirty" / "A7_formula_injection.csv"
    with path.open("rb") as file:
        broken = file.read() + b"=1+1,=1+1,perhaps,1\n"
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(broken), "x.csv")
    mapping = answer(Outcome(), draft.detection.proposal, draft.questions)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    written = ingestion.rejects_csv(ws, LOCAL, draft.import_id).decode("utf-8-sig")
    assert "'=1+1,=1+1,perhaps,1" in written
