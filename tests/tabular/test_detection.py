from experiments_core.domain.source import Dialect
from experiments_core.tabular.detection import UNKNOWN_HEADER

from .conftest import Judge, units


def test_a_missing_header_gives_numbered_columns_until_somebody_says(detected: Judge):
    text = units("converted", "1", "0").split("\n", 1)[1]
    found = detected(text)
    assert found.dialect.header_line == UNKNOWN_HEADER
    assert found.proposal.columns[0].name == "column 1"
    told = detected(text, told=Dialect(header_line=1))
    assert told.dialect.header_line == 1
    assert told.proposal.columns[0].name == "u0"


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
