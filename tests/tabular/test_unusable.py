import pytest

from experiments_core.domain.source import Shape
from experiments_core.errors import InvalidInputError
from experiments_core.tabular.detection import detect

from .conftest import Judge


@pytest.mark.parametrize(
    ("text", "code", "words"),
    (
        ("id,variant,won\n1,control,1\n2,control,0\n", "ONE_VARIANT", "only one variant"),
        (
            "Date,Pageviews,Clicks\n2024-03-01,7723,687\n2024-03-02,9102,779\n",
            "NO_VARIANT_COLUMN", "one arm",
        ),
        ("id,name\n1,x\n2,x\n", "NO_VARIANT_COLUMN", "no variant column"),
        (
            "id,variant,won\n1,control,1\n2,control,0\n3,treat,ment,1\n",
            "ROW_BROKEN", "Line 4 has 4 fields; 3 are expected",
        ),
        (
            "variant,spend\ncontrol,10.5\ntreatment,11.5\n",
            "COUNTS_NEEDED", "no column counts its units; there are “spend”",
        ),
    ),
)  # fmt: skip
def test_what_cannot_be_a_test_is_refused_with_its_reason(
    detected: Judge, text: str, code: str, words: str
):
    with pytest.raises(InvalidInputError, match=words) as error:
        detected(text)
    assert error.value.code == code


def test_the_beginning_of_a_file_is_not_refused_for_what_may_come_further_down():
    head = "id,variant,won\n1,control,1\n2,control,0\n"
    seen = detect(head, complete=False, records=100)
    assert seen.proposal.shape is Shape.UNIT
