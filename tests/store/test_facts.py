from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from experiments_core.domain.source import Dialect, Role
from experiments_core.errors import CancelledError, InvalidInputError
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.lines import line_of, without_lines
from experiments_core.store.staged import Staged
from experiments_core.store.watch import Watch

from .files import change, load, mapping_of, rows_of, rules_of

HEADER = "user_id,variant,converted,revenue"
PLAIN = "u1,control,1,10.50\nu2,treatment,0,0\nu3,control,0,\nu4,treatment,1,3.25\n"


@pytest.fixture
def db() -> Iterator[Database]:
    with Database.memory() as database:
        yield database


def stage(db: Database, rows: str, header: str = HEADER, **changes: Any):
    return load(db, f"{header}\n{rows}", mapping_of(header, **changes))


def shown(db: Database, staged: Staged) -> list[tuple[Any, ...]]:
    """Rows with their times as text."""
    return [(*row[:2], row[2] and str(row[2]), *row[3:]) for row in rows_of(db, staged)]


def test_a_clean_file_is_staged_as_it_is(db: Database):
    staged = stage(db, PLAIN)
    assert (staged.rows_read, staged.rows_used, staged.rows_left_out) == (4, 4, 0)
    assert staged.arms == {"control": 2, "treatment": 2}
    assert rows_of(db, staged) == [
        ("u1", "control", None, 1, 10.5),
        ("u2", "treatment", None, 0, 0.0),
        ("u3", "control", None, 0, None),
        ("u4", "treatment", None, 1, 3.25),
    ]
    assert staged.rejects == ""
    assert staged.blanks == {3: (1, 0)}


@pytest.mark.parametrize(
    ("row", "rule", "column"),
    (
        ("u9,control,2,1", "OUTCOME_RANGE", "converted"),
        ("u9,control,perhaps,1", "OUTCOME_WORD", "converted"),
        ("u9,control,1,ten", "NUMBER", "revenue"),
        ("u9,control,1,1e400", "NOT_FINITE", "revenue"),
        ("u9,control,1,#REF!", "SPREADSHEET_ERROR", "revenue"),
        ("u9,,1,1", "VARIANT_BLANK", "variant"),
        (",control,1,1", "UNIT_BLANK", "user_id"),
        (f"{'u' * 257},control,1,1", "UNIT_LENGTH", "user_id"),
        ("Total,,2,13.75", "TOTALS_ROW", "variant"),
        (HEADER, "REPEATED_HEADER", ""),
        (" , ,, ", "EMPTY_ROW", ""),
    ),
)
def test_a_row_that_breaks_a_rule_is_left_out_with_line_column_and_value(
    db: Database, row: str, rule: str, column: str
):
    staged = stage(db, f"{PLAIN}{row}\n")
    assert (staged.rows_read, staged.rows_used, staged.rows_left_out) == (5, 4, 1)
    assert rules_of(staged) == {rule: (1, (6,))}
    assert staged.broken[0].column == column
    with db.read() as cursor:
        ((line, _, _, found, message, raw),) = facts.rejects_of(cursor, "", staged.rejects)
    assert (line, found) == (6, rule)
    assert message
    assert raw == row
    assert [unit for unit, *_ in rows_of(db, staged)] == ["u1", "u2", "u3", "u4"]


def test_lines_are_those_of_an_editor(db: Database):
    rows = (
        'u7,control,1,1\nu8,treatment,0,1\nu1,control,1,"1\n"\n\n   \nu2,treatment,0,x\n'
        '"u3\n",treatment,maybe,2\n'
    )
    staged = stage(db, rows)
    assert rules_of(staged) == {"NUMBER": (1, (8,)), "OUTCOME_WORD": (1, (9,))}
    assert staged.rows_read == 5


@pytest.mark.parametrize("cell", ("1_000", "0x10", "1_0.5", "1e1_0", "0b11", "1_000e2"))
def test_the_reader_s_own_liberties_with_numbers_are_not_taken(db: Database, cell: str):
    staged = stage(db, f"{PLAIN}u9,control,1,{cell}\n")
    assert rules_of(staged) == {"NUMBER": (1, (6,))}
    assert list(staged.broken[0].values) == [cell]


def test_underscores_in_ids_are_no_numbers_and_cost_no_second_reading(db: Database):
    staged = stage(db, PLAIN.replace("u1", "u_1_1"))
    assert (staged.rejects, rows_of(db, staged)[0]) == ("", ("u_1_1", "control", None, 1, 10.5))


def test_seconds_since_1970_are_digits(db: Database):
    header = "user_id,variant,converted,seen"
    mapping = change(mapping_of(header), "seen", time_format="epoch_s")
    rows = "u1,control,1,1777000000\nu2,treatment,0,1777000000.5\nu3,control,0,"
    for wrong in ("1_777_000_000", "0x69E0", "1.777e9"):
        staged = load(db, f"{header}\n{rows}{wrong}\n", mapping)
        assert rules_of(staged) == {"TIME": (1, (4,))}


def lines(db: Database, staged: Staged) -> list[tuple[str, int]]:
    with db.read() as cursor:
        line = line_of(cursor, staged.table).format(staged.table)
        return cursor.execute(
            f"SELECT unit, {line} FROM {staged.table} ORDER BY rowid"
        ).fetchall()


@pytest.mark.parametrize("faulty", ("", "x,,1,1\n"), ids=("clean", "sifted"))
def test_every_row_knows_its_line(db: Database, faulty: str):
    assert lines(db, stage(db, PLAIN + faulty)) == [("u1", 2), ("u2", 3), ("u3", 4), ("u4", 5)]
    rows = 'u1,control,1,1\n\n\nu2,treatment,0,"1"\n"u\n3",control,1,2\nu4,treatment,0,1\n'
    assert lines(db, stage(db, rows + faulty)) == [("u1", 2), ("u2", 5), ("u\n3", 6), ("u4", 8)]


def test_a_unit_of_several_rows_has_the_line_of_its_first(db: Database):
    staged = stage(db, f"{PLAIN}u2,treatment,1,5\nu5,control,0,1\n", repeats="max")
    assert lines(db, staged) == [("u1", 2), ("u2", 3), ("u3", 4), ("u4", 5), ("u5", 7)]


def test_clean_rows_are_the_same_whether_the_file_is_sifted_or_not(db: Database):
    header = "user_id,variant,converted,revenue,seen,country,before"
    rows = (
        "u1, control,yes,1.5,2026-05-06 10:00:00,DE,1\n"
        "u2,treatment,0,2e1,2026-05-07,,2\n"
        "u3,Control,NA,,2026-05-07T08:00:00Z,FR ,3.5\n"
        "u4,treatment,1.0,0,,PL,\n"
    )
    clean = stage(db, rows, header)
    sifted = stage(db, f"{rows}x,,1,1,,,\n", header)
    assert (clean.rejects, bool(sifted.rejects)) == ("", True)
    assert rows_of(db, clean) == rows_of(db, sifted)
    assert clean.content_hash == sifted.content_hash
    assert clean.arms == sifted.arms == {"control": 2, "treatment": 2}
    assert clean.merged == sifted.merged == {"Control": "control"}


def test_the_same_rows_in_another_order_and_dialect_have_the_same_content(db: Database):
    first = stage(db, PLAIN)
    lines = PLAIN.strip().split("\n")[::-1]
    text = "\n".join([HEADER, *lines]).replace(",", ";").replace(".", ",")
    dialect = Dialect(delimiter=";", decimal=",")
    other = load(db, text, mapping_of(HEADER.replace(",", ";"), dialect))
    assert other.content_hash == first.content_hash
    assert stage(db, PLAIN.replace("10.50", "10.51")).content_hash != first.content_hash


def test_ids_are_text_in_every_respect(db: Database):
    rows = "".join(
        f"{unit},{'control' if n % 2 else 'treatment'},0,0\n"
        for n, unit in enumerate(
            ("007", "7", "7.0", "9007199254740993", "9007199254740992", "é")
        )
    )
    staged = stage(db, rows)
    assert staged.units == 6
    assert rows_of(db, staged)[3][0] == BIG


def test_exact_copies_of_a_unit_count_once(db: Database):
    staged = stage(db, PLAIN + "u1,control,1,10.50\nu1,control,1,10.50\n")
    assert rules_of(staged) == {"UNIT_DUPLICATE_ROWS": (2, (6, 7))}
    assert staged.units == 4


def test_equal_rows_without_an_id_are_other_units(db: Database):
    header = "variant,converted"
    staged = stage(db, "control,1\ncontrol,1\ntreatment,0\ntreatment,0\n", header)
    assert staged.arms == {"control": 2, "treatment": 2}
    assert staged.rows_left_out == 0


BIG = "9007199254740993"  # 2**53 + 1, which no double holds

CROSSED = (
    "u1,control,0,1,2026-05-01 10:00:00\nu2,treatment,0,2,2026-05-01\nu1,treatment,1,3,"
    "2026-05-02\nu3,control,1,4,2026-05-01\nu4,treatment,0,5,2026-05-01\n"
)


def test_units_in_two_arms_are_left_out(db: Database):
    staged = stage(db, CROSSED, f"{HEADER},seen")
    assert rules_of(staged) == {"UNIT_IN_TWO_ARMS": (2, (2, 4))}
    assert (staged.crossed, staged.units) == (1, 3)


def test_or_count_where_they_were_first_seen(db: Database):
    staged = stage(db, CROSSED, f"{HEADER},seen", crossovers="first_seen")
    assert rules_of(staged) == {"UNIT_IN_TWO_ARMS": (1, (4,))}
    assert ("u1", "control", "2026-05-01 10:00:00", 0, 1.0) in shown(db, staged)


def test_or_refuse_the_file(db: Database):
    with pytest.raises(InvalidInputError, match="stand in more than one variant"):
        stage(db, CROSSED, f"{HEADER},seen", crossovers="refuse")


REPEATED = "u1,control,0,1\nu2,treatment,0,2\nu1,control,1,3\nu3,control,,4\nu4,treatment,0,5\n"


@pytest.mark.parametrize(
    ("repeats", "kept", "left_out", "rules"),
    (
        ("refuse", (0, 1.0), 1, {"UNIT_REPEATED": (1, (4,))}),
        ("first", (0, 1.0), 1, {"UNIT_REPEATED": (1, (4,))}),
        ("max", (1, 3.0), 0, {}),
        ("sum", (1, 4.0), 0, {}),
    ),
)
def test_several_rows_of_a_unit_become_one_as_was_chosen(
    db: Database, repeats: str, kept: tuple[int, float], left_out: int, rules: dict[str, Any]
):
    staged = stage(db, REPEATED, repeats=repeats)
    assert rows_of(db, staged)[0][3:] == kept
    assert (staged.repeated, staged.units, staged.rows_left_out) == (1, 4, left_out)
    assert rules_of(staged) == rules


def test_variants_of_an_experiment_are_recognised_and_others_rejected(db: Database):
    text = f"{HEADER}\nu1,Kontrolle,1,1\nu2,b,0,1\nu3,c,0,1\nu4,B ,0,1\n"
    known = {"kontrolle": "control", "control": "control", "b": "b"}
    staged = load(db, text, mapping_of(HEADER), known_arms=known)
    assert staged.arms == {"b": 2, "control": 1}
    assert rules_of(staged) == {"VARIANT_UNKNOWN": (1, (4,))}


def test_a_word_such_as_null_is_a_variant_only_where_it_is_frequent(db: Database):
    rare = "".join(f"u{n},{'ab'[n % 2]},0,0\n" for n in range(40)) + "x,NULL,0,0\n"
    assert rules_of(stage(db, rare)) == {"VARIANT_BLANK": (1, (42,))}
    frequent = "".join(f"u{n},{('None', 'mail')[n % 2]},0,0\n" for n in range(40))
    assert stage(db, frequent).arms == {"None": 20, "mail": 20}


def test_a_person_can_say_which_spellings_belong_together(db: Database):
    rows = "u1,red,1,1\nu2,blue,0,1\nu3,crimson,0,1\n"
    staged = stage(db, rows, merge_variants={"crimson": "red"})
    assert staged.arms == {"blue": 1, "red": 2}


@pytest.mark.parametrize(
    ("rows", "words"),
    (
        ("u1,control,1\n", "Line 2 has 3 fields; 4 are expected"),
        ("u1,control,1,2,3\nu2,a,1\n", "In all 2 rows: lines 2, 3"),
        (
            "u1,control,1,2\nu2,treat",
            "Line 3 has 2 fields; 4 are expected .the file may",
        ),
    ),
)
def test_a_row_with_the_wrong_number_of_fields_refuses_the_file(
    db: Database, rows: str, words: str
):
    with pytest.raises(InvalidInputError, match=words) as error:
        stage(db, rows)
    assert error.value.details[0].field.startswith("line ")


def test_far_too_many_variants_are_no_variants(db: Database):
    rows = "".join(f"u{n},v{n},0,0\n" for n in range(101))
    with pytest.raises(InvalidInputError, match="101 different values"):
        stage(db, rows)


def test_columns_tell_what_to_know_about_them(db: Database):
    header = "user_id,variant,converted,revenue,country,before"
    rows = "".join(
        f"1.2E+1{n},{'ab'[n % 2]},{n % 2},{1e9 if n == 7 else 1},{'in' if n % 2 else 'out'},5\n"
        for n in range(8)
    ) + "".join(f"w{n},{'ab'[n % 2]},0,1,out,5\n" for n in range(30))
    staged = stage(db, rows, header)
    assert staged.constant == ("before",)
    assert staged.leaks == ("country",)
    assert [extreme.column for extreme in staged.extremes] == ["revenue"]
    assert staged.damaged_units == 8


def test_mixed_zones_and_currency_signs_are_noticed(db: Database):
    header = "user_id,variant,converted,revenue,seen"
    rows = (
        "u1,a,1,$10.50,2026-05-06T10:00:00Z\nu2,b,0,$0.00,2026-05-06T10:00:00\nu3,a,1,1,\n"
        "u4,b,1,2,2026-05-06T10:00:00+02:00\n"
    )
    staged = stage(db, rows, header)
    assert staged.currency == ("revenue",)
    assert staged.mixed_zones
    assert staged.no_time == 1
    assert shown(db, staged)[3][2] == "2026-05-06 08:00:00"


def test_blanks_of_an_answered_column_are_zero(db: Database):
    mapping = change(mapping_of(HEADER), "revenue", blank="zero")
    staged = load(db, f"{HEADER}\n{PLAIN}", mapping)
    assert rows_of(db, staged)[2][-1] == 0.0
    assert staged.blanks == {}


def test_loading_tells_how_far_it_is_and_can_be_stopped(db: Database):
    told: list[float] = []
    watch = Watch(lambda fraction, _: told.append(fraction), lambda: False)
    load(db, f"{HEADER}\n{PLAIN}", mapping_of(HEADER), watch=watch)
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(CancelledError):
        load(db, f"{HEADER}\n{PLAIN}", mapping_of(HEADER), watch=Watch(None, lambda: True))


FRAME = pd.DataFrame({
    "user_id": [7, 8, 9, 10],
    "variant": ["control", "treatment", "control", "treatment"],
    "converted": [True, False, True, False],
    "revenue": [1.5, np.nan, 3.0, 0.0],
    "seen": pd.to_datetime(["2026-05-06", "2026-05-07", None, "2026-05-08"]),
})  # fmt: skip


@pytest.mark.parametrize(
    "frame", (FRAME, pa.Table.from_pandas(FRAME), FRAME.astype({"user_id": str}))
)
def test_frames_are_read_with_their_own_types(db: Database, frame: object):
    mapping = mapping_of("user_id,variant,converted,revenue,seen")
    staged = facts.load_frame(db, frame, mapping, import_id=db.new_id())
    first, second, *_ = shown(db, staged)
    assert first == ("7", "control", "2026-05-06 00:00:00", 1, 1.5)
    assert second[-1] is None
    assert staged.no_time == 1


def test_a_frame_with_faults_names_its_rows_from_one(db: Database):
    frame = FRAME.assign(converted=[1, 0, 5, 0])
    mapping = mapping_of("user_id,variant,converted,revenue,seen")
    staged = facts.load_frame(db, frame, mapping, import_id=db.new_id())
    assert rules_of(staged) == {"OUTCOME_RANGE": (1, (3,))}


def test_names_of_columns_are_never_sql(db: Database):
    evil = 'x"; DROP TABLE imports; --'
    frame = FRAME.rename(columns={"revenue": evil})
    mapping = mapping_of("user_id,variant,converted,revenue,seen")
    staged = facts.load_frame(db, frame, mapping, import_id=db.new_id())
    assert staged.units == 4
    header = f"user_id,variant,converted,{evil.replace(',', '')}"
    text = f'user_id,variant,converted,"{evil.replace(chr(34), chr(34) * 2)}"\n{PLAIN}'
    assert load(db, text, mapping_of(header)).units == 4
    with db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM imports").fetchone() == (0,)


def test_blank_lines_shift_later_lines_only():
    def lines(*blank: int) -> list[int]:
        records, offsets = without_lines(((1,), (1,)), blank)
        pairs = list(zip(records, offsets, strict=True))
        assert len(set(records)) == len(records)
        return [n + [offset for since, offset in pairs if since <= n][-1] for n in range(1, 6)]

    assert lines() == [2, 3, 4, 5, 6]
    assert lines(4, 7) == [2, 3, 5, 6, 8]
    assert lines(2, 4, 5) == [3, 6, 7, 8, 9]


def test_roles_of_columns_without_values_are_not_stored(db: Database):
    staged = stage(db, PLAIN)
    assert [(c.name, c.role, c.column) for c in staged.columns] == [
        ("converted", Role.OUTCOME, "c0"), ("revenue", Role.VALUE, "c1"),
    ]  # fmt: skip
