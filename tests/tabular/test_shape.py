import pytest

from experiments_core.domain.source import Dialect, Role, Shape
from experiments_core.errors import InvalidInputError
from experiments_core.tabular.columns import Kind
from experiments_core.tabular.shape import UNKNOWN_HEADER, Detection, best_spelling

from .conftest import Judge


def roles(found: Detection) -> dict[str, Role]:
    return {column.name: column.role for column in found.proposal.columns}


def units(header: str, *cells: str, rows: int = 40) -> str:
    lines = [f"u{n},{'treatment' if n % 2 else 'control'}," + cells[n % len(cells)]
             for n in range(rows)]  # fmt: skip
    return "\n".join((f"user_id,variant,{header}", *lines)) + "\n"


def test_rows_per_unit_with_their_usual_columns(detected: Judge):
    found = detected(units(
        "converted,revenue,first_seen,country,prior_spend,note",
        "1,10.50,2026-05-06 10:00:00,DE,3.5,x1",
        "0,0.00,2026-05-07 11:00:00,US,0.5,x2",
        "0,0.00,2026-05-08 11:00:00,,1.25,x3",
    ))  # fmt: skip
    assert roles(found) == {
        "user_id": Role.UNIT,
        "variant": Role.VARIANT,
        "converted": Role.OUTCOME,
        "revenue": Role.VALUE,
        "first_seen": Role.TIME,
        "country": Role.SEGMENT,
        "prior_spend": Role.COVARIATE,
        "note": Role.SEGMENT,
    }
    assert found.proposal.control == "control"
    assert found.seen == "One row per unit, 40 rows, 2 variants."
    time = found.proposal.named(Role.TIME)[0]
    assert time.time_format == "%Y-%m-%d %H:%M:%S"


def test_totals_per_variant(detected: Judge):
    found = detected("group,users,conversions\ncontrol,1000,50\ntreatment,990,61\n")
    assert found.proposal.shape is Shape.TOTALS
    assert list(roles(found).values()) == [Role.VARIANT, Role.VISITORS, Role.CONVERSIONS]


def test_totals_per_day_are_totals(detected: Judge):
    text = "date,variant,visitors,conversions\n" + "".join(
        f"2024-03-0{day},{arm},10{day},{day}\n" for day in (1, 2) for arm in ("a", "b")
    )
    assert detected(text).proposal.shape is Shape.TOTALS


def test_a_yes_no_column_may_be_the_variant(detected: Judge):
    text = "ID,Promotion,purchase\n" + "".join(
        f"{n},{'Yes' if n % 2 else 'No'},{n % 3 == 0:d}\n" for n in range(1, 60)
    )
    found = detected(text)
    assert not found.proposal.named(Role.VARIANT)
    assert roles(found)["purchase"] is Role.OUTCOME


def test_numbers_are_written_per_column(detected: Judge):
    text = units("revenue,score", '"1,500.00",2.5', '"12,000.00",3.5')
    first, second = detected(text).proposal.columns[2:4]
    assert (first.decimal, first.thousands) == (".", ",")
    assert (second.decimal, second.thousands) == (".", "")


def test_kinds_of_cells_are_seen(detected: Judge):
    found = detected(units(
        "flag,count,money,rate,when,word,empty",
        "yes,3,1.5,5%,2024-01-01,x,", "no,0,2.5,6%,2024-01-02,y,", "NA,1,,7%,2024-01-03,z,",
    ))  # fmt: skip
    kinds = {column.name: column.kind for column in found.columns[2:]}
    assert list(kinds.values()) == [
        Kind.YES_NO, Kind.WHOLE, Kind.NUMBER, Kind.PERCENT, Kind.TIME, Kind.TEXT, Kind.EMPTY,
    ]  # fmt: skip
    flag = found.columns[2]
    assert (flag.blanks, flag.blank_line, flag.distinct) == (13, 4, 2)


def test_a_totals_row_and_a_second_header_do_not_count_in_the_sample(detected: Judge):
    text = units("converted", "1", "0") + "user_id,variant,converted\nTotal,,20\n"
    found = detected(text)
    assert found.columns[2].kind is Kind.YES_NO
    assert len(found.columns[1].values) == 2


def test_a_missing_header_gives_numbered_columns_until_somebody_says(detected: Judge):
    text = units("converted", "1", "0").split("\n", 1)[1]
    found = detected(text)
    assert found.dialect.header_line == UNKNOWN_HEADER
    assert found.proposal.columns[0].name == "column 1"
    told = detected(text, told=Dialect(header_line=1))
    assert told.dialect.header_line == 1
    assert told.proposal.columns[0].name == "u0"


def test_two_columns_of_one_name_are_not_chosen_between(detected: Judge):
    found = detected(units("converted,converted", "1,0", "0,1"))
    assert [c.role for c in found.proposal.columns[2:]] == [Role.IGNORE, Role.IGNORE]


def test_a_sorted_file_shows_its_arms_further_down(detected: Judge):
    head = "user_id,variant,converted\n" + "".join(f"u{n},control,1\n" for n in range(9))
    middle = ("u77,treatment,0\nu78,treatment,1\n",)
    found = detected(head, middle=middle)
    assert [value for value, _ in found.columns[1].values] == ["control", "treatment"]


def test_reading_choices_are_told(detected: Judge):
    text = "# x\n" + units("city", "Köln").replace(",", ";")
    found = detected(text, encoding="windows-1252", sample="Köln")
    assert [one.code for one in found.notices] == [
        "ENCODING_ASSUMED", "PREAMBLE_SKIPPED", "DELIMITER",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "words"),
    (
        ("id,variant,won\n1,control,1\n2,control,0\n", "ONE_VARIANT", "only one variant"),
        (
            "Date,Pageviews,Clicks\n2024-03-01,7723,687\n2024-03-02,9102,779\n",
            "NO_VARIANT_COLUMN", "one arm",
        ),
        ("id,name\n1,x\n2,x\n", "NO_VARIANT_COLUMN", "no variant column"),
    ),
)  # fmt: skip
def test_what_cannot_be_a_test_is_refused_with_its_reason(
    detected: Judge, text: str, code: str, words: str
):
    with pytest.raises(InvalidInputError, match=words) as error:
        detected(text)
    assert error.value.code == code


def test_the_most_frequent_spelling_is_kept_and_then_the_plain_one():
    assert best_spelling({"Control": 3, "control": 1}) == "Control"
    assert best_spelling({"Control": 2, "control": 2, "CONTROL": 2}) == "control"
