"""Exports of other countries and other tools: understood, asked about, or refused by place."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Role, Shape
from experiments_core.errors import InvalidInputError
from experiments_core.services import ingestion
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.import_reading import read_draft
from experiments_core.services.import_report import ImportReport
from experiments_core.services.ingestion import Draft
from experiments_core.services.workspace import Workspace, open_workspace


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:", clock=lambda: datetime(2026, 6, 1, tzinfo=UTC)) as found:
        yield found


def receive(ws: Workspace, content: str | bytes) -> Draft:
    raw = content.encode() if isinstance(content, str) else content
    return ingestion.receive(ws, LOCAL, io.BytesIO(raw), "file.csv")


def read(ws: Workspace, content: str | bytes, **said: Any) -> ImportReport:
    choices = choices_from_document({"finished": True, "accept_defaults": True, **said})
    return read_draft(ws, LOCAL, receive(ws, content), choices)[2]


def told(report: ImportReport) -> str:
    return " ".join(one.message for one in report.warnings)


def units(arm: str = "control,treatment", extra: str = "", times: int = 1) -> str:
    """40 units in two arms."""
    arms = arm.split(",")
    rows = [
        f"u{n},{arms[n % len(arms)]},{n % 3 == 0:d},{n}{extra}"
        for n in range(40) for _ in range(times)
    ]  # fmt: skip
    return "\n".join(["user_id,variant,converted,revenue", *rows, ""])


DAILY_DE = "Datum;Variante;Besucher;Konversionen\n" + "".join(
    f"{day:02}.05.2026;{arm};1.0{day:02};1{day}\n"
    for day in range(1, 4) for arm in ("Kontrolle", "Test")
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shape", "arms"),
    (
        (DAILY_DE, Shape.TOTALS, {"Kontrolle": 3006, "Test": 3006}),
        ("Groupe;Visiteurs;Achats\ntémoin;1 200;12\nB;1 300;15\n", Shape.TOTALS,
         {"témoin": 1200, "B": 1300}),
        ("Grupo,Usuarios,Compras\nA,1200,12\nB,1300,15\n", Shape.TOTALS,
         {"A": 1200, "B": 1300}),
        ("Variante;Anzahl;Mittelwert;Standardabweichung\nA;100;10,5;3,2\nB;90;11;3,1\n",
         Shape.MOMENTS, {"A": 100, "B": 90}),
    ),
)  # fmt: skip
def test_headers_may_be_german_french_or_spanish(
    ws: Workspace, text: str, shape: Shape, arms: dict[str, int]
):
    draft = receive(ws, text)
    assert draft.detection.proposal.shape is shape
    assert read(ws, text).arms == arms


def test_a_shape_that_was_misjudged_can_be_told(ws: Workspace):
    text = "wariant;osoby;zakupy\nA;1200;12\nA;1300;15\nB;1250;11\nB;1275;13\n"
    draft = receive(ws, text)
    assert draft.detection.proposal.shape is Shape.UNIT
    dialect = replace(draft.detection.dialect, shape=Shape.TOTALS.value)
    draft = ingestion.look_again(ws, LOCAL, draft.import_id, dialect=dialect)
    mapping = draft.detection.proposal
    assert mapping.shape is Shape.TOTALS
    mapping = ingestion.give_role(mapping, 0, Role.VARIANT)
    question = next(one for one in draft.questions if one.code == "VISITORS_COLUMN")
    assert [choice.label for choice in question.choices] == ["osoby", "zakupy"]
    mapping = ingestion.answer(mapping, question, "1")
    report = ingestion.check(ws, LOCAL, draft.import_id, replace(mapping, control="A"))
    assert report.arms == {"A": 2500, "B": 2525}


def test_which_of_two_numbers_of_units_is_meant_is_asked(ws: Workspace):
    text = "variant,sessions,users,conversions\nA,200,100,10\nB,210,101,12\n"
    question = next(o for o in receive(ws, text).questions if o.code == "VISITORS_COLUMN")
    assert [choice.label for choice in question.choices] == ["sessions", "users"]


def test_a_rate_per_variant_without_units_is_refused(ws: Workspace):
    with pytest.raises(InvalidInputError, match="no column counts its units; there are “cr”"):
        receive(ws, "variant,cr\ncontrol,5.25%\ntreatment,6.1%\n")


def test_nul_bytes_are_refused_with_their_place(ws: Workspace):
    with pytest.raises(InvalidInputError, match="line 3, column “variant”"):
        receive(ws, units().replace("u1,tre", "u1,t\0re"))


def test_other_encodings_are_named(ws: Workspace):
    with pytest.raises(InvalidInputError, match="The file is UTF-32"):
        receive(ws, codecs.BOM_UTF32_LE + units().encode("utf-32-le"))


@pytest.mark.parametrize(
    ("text", "match"),
    (
        (units(extra=","), "header on line 1 has 4 fields; the rows below it have 5"),
        (units(extra=",50"), "header on line 1 has 4 fields; the rows below it have 5"),
        (units("control").replace("u5,control", "u5,control,x"), "Line 7 has 5 fields"),
        ("'user_id','variant','won'\n'u1','a','1'\n'u2','b','0'\n", "single quotes"),
    ),
)
def test_faults_of_the_layout_are_named(ws: Workspace, text: str, match: str):
    with pytest.raises(InvalidInputError, match=match):
        receive(ws, text)


def test_where_no_row_is_left_the_reason_is_told(ws: Workspace):
    lines = units().split("\n")
    blank = "\n".join([lines[0], *("," + line.partition(",")[2] for line in lines[1:41])])
    with pytest.raises(InvalidInputError, match=r"no row that can be used.* no identifier"):
        read(ws, blank, unit="user_id")


def test_one_number_written_in_two_ways_is_one_variant(ws: Workspace):
    report = read(ws, units("1,2,1.0,2.0"), control="1")
    assert report.arms == {"1": 20, "2": 20}
    assert "“1.0” → “1”" in told(report)


def test_many_tiny_variants_are_told_of_once(ws: Workspace):
    report = read(ws, units(",".join(f"v{n}" for n in range(40))), variant="variant")
    assert sum(one.code == "VARIANT_TINY" for one in report.warnings) == 1


def test_rows_that_a_join_repeated_are_told_of_in_small_files_too(ws: Workspace):
    text = units(times=3).replace("revenue\n", "revenue,item\n")
    lines = text.rstrip("\n").split("\n")
    joined = [lines[0], *(f"{line},{n % 3}" for n, line in enumerate(lines[1:]))]
    report = read(ws, "\n".join(joined), answers={"UNIT_REPEATED": "sum"})
    assert "a join has probably repeated the values" in told(report)


def test_copies_and_sums_among_daily_totals_are_told_of(ws: Workspace):
    text = "date,variant,visitors,conversions\n" + "".join(
        f"2026-05-0{day},{arm},10{day},10\n" for day in (1, 2, 2) for arm in ("A", "B")
    )
    report = read(ws, text + "Total,A,305,30\nTotal,B,305,30\n", control="A")
    assert report.arms == {"A": 305, "B": 305}
    assert [(one.rule, one.lines) for one in report.by_rule] == [("TOTALS_ROW", (8, 9))]
    copies = next(one for one in report.warnings if one.code == "TOTALS_TWICE")
    assert (copies.rows, copies.lines) == (2, (6, 7))


@pytest.mark.parametrize(
    ("cell", "first"),
    (
        ("17.05.26", "2026-05-17 00:00:00"),
        ("20260517", "2026-05-17 00:00:00"),
        ("1778976000.25", "2026-05-17 00:00:00"),
    ),
)
def test_more_ways_to_write_a_time(ws: Workspace, cell: str, first: str):
    text = units(extra=f",{cell}").replace("revenue\n", "revenue,seen\n")
    assert str(read(ws, text).preview[1][0][2]) == first


def test_a_time_that_cannot_be_read_is_shown(ws: Workspace):
    text = units(extra=",17. Mai 2026").replace("revenue\n", "revenue,seen\n")
    draft = receive(ws, text)
    mapping = ingestion.give_role(draft.detection.proposal, 4, Role.TIME)
    report = ingestion.check(ws, LOCAL, draft.import_id, replace(mapping, control="control"))
    question = next(one for one in report.questions if one.code == "TIME_FORMAT")
    assert "no times that can be read, such as “17. Mai 2026”" in question.text


@pytest.mark.parametrize(
    ("cell", "words"), (("1970-01-01", "earliest time is 1 January 1970"),
                        ("2099-05-01", "newest time is 1 May 2099, which is still to come"))
)  # fmt: skip
def test_times_that_no_test_has_are_told_of(ws: Workspace, cell: str, words: str):
    text = units(extra=",2026-05-01").replace("revenue\n", "revenue,seen\n")
    assert words in told(read(ws, text.replace("2026-05-01", cell, 1)))


def test_a_count_beyond_every_integer_is_shown_as_it_stands(ws: Workspace):
    text = units().replace("u4,control,0", "u4,control,99999999999999999999")
    question = next(o for o in receive(ws, text).questions if o.code == "OUTCOME_COUNTS")
    assert "99999999999999999999 on line 6" in question.text


@pytest.mark.parametrize("cell", ("#NV", "#WERT!", "#¡VALOR!", "#VALEUR!"))
def test_errors_of_a_spreadsheet_in_other_languages(ws: Workspace, cell: str):
    report = read(ws, units().replace(",7\n", f",{cell}\n"))
    assert [(one.rule, one.lines) for one in report.by_rule] == [("SPREADSHEET_ERROR", (9,))]


def test_reais_are_a_currency(ws: Workspace):
    text = units().replace(",1\n", ",R$ 1\n")
    assert "currency sign was removed" in told(read(ws, text))


def test_a_column_without_any_known_outcome_does_not_stop_the_report(ws: Workspace):
    lines = "".join(f"u{n},{'AB'[n % 2]},nope,{'xy'[n % 3 > 0]}\n" for n in range(40))
    draft = receive(ws, f"user_id,variant,converted,plan\n{lines}")
    mapping = ingestion.give_role(draft.detection.proposal, 2, Role.OUTCOME)
    report = ingestion.check(ws, LOCAL, draft.import_id, replace(mapping, control="A"))
    assert [one.rule for one in report.blocking] == ["OUTCOME_WORD"]


def test_a_shape_can_be_told_by_name(ws: Workspace):
    text = "wariant;osoby;zakupy\nA;1200;12\nA;1300;15\nB;1250;11\nB;1275;13\n"
    said = {
        "variant": "wariant",
        "visitors": "osoby",
        "conversions": ["zakupy"],
        "control": "A",
    }
    assert read(ws, text, shape="totals", **said).arms == {"A": 2500, "B": 2525}
    with pytest.raises(InvalidInputError, match="no shape “sums”"):
        read(ws, text, shape="sums")
