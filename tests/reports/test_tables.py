import csv
import io

import pytest

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.results import (
    ArmResult,
    ExperimentResult,
    MetricResult,
    Recommendation,
    Verdict,
)
from experiments_core.reports.tables import (
    RESULT_COLUMNS,
    result_rows,
    write_csv,
    write_json,
)
from experiments_core.stats.estimate import Undefined


def result(variant: str = "short") -> ExperimentResult:
    zero = Undefined("zero_control")
    contrast = Contrast(
        difference=0.1,
        difference_ci_lower=-0.02,
        difference_ci_upper=0.3,
        relative_lift=zero,
        relative_lift_ci_lower=0.5,
        relative_lift_ci_upper=Undefined("unbounded"),
        statistic=1.5,
        p_value=1 / 3,
        p_value_adjusted=1 / 3,
        confidence_level=0.95,
        test_method="pooled_z",
        interval_method="score",
        significant=False,
        verdict="no_clear_difference",
        flags=("small_counts", "suspicious_lift"),
    )
    arms = (
        ArmResult("control", 10, 0, 0.0, 0.0, 0.3),
        ArmResult(variant, 10, 1, 0.1, 0.01, 0.4, contrast=contrast),
    )
    metric = MetricResult("paid", "Paid", "proportion", "primary", "increase", "", arms)
    return ExperimentResult(
        final=True,
        verdict=Verdict("no_clear_difference", None, "units", "No clear difference."),
        recommendation=Recommendation("extend", None, ()),
        health=(),
        phases=1,
        reference="control",
        metrics=(metric,),
        engine_version="1.0.0",
        data_hash="sha256:abc",
    )


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_each_metric_and_arm_is_a_row_and_numbers_keep_every_digit():
    rows = read(write_csv(RESULT_COLUMNS, result_rows(result())))
    assert [row["variant"] for row in rows] == ["control", "short"]
    assert float(rows[1]["p_value"]) == 1 / 3
    assert (rows[1]["n"], rows[1]["conversions"]) == ("10", "1")
    assert rows[1]["significant"] == "false"
    assert rows[0]["difference"] == ""


def test_a_number_that_does_not_exist_is_empty_with_its_reason_beside_it():
    row = read(write_csv(RESULT_COLUMNS, result_rows(result())))[1]
    assert row["relative_lift"] == ""
    assert row["reasons"] == "relative_lift: zero_control; relative_lift_ci_upper: unbounded"
    assert row["flags"] == "small_counts suspicious_lift"


@pytest.mark.parametrize("text", (
    "=1+1", "+1+1", "-x", "@SUM(A1)", "\tx", "\rx", "＝1", " =cmd", "\u00a0=x", "a\n=x",
))  # fmt: skip
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str):
    row = read(write_csv(("a",), [{"a": text}]))[0]
    assert row["a"] == f"'{text}"


def test_machines_get_the_text_as_it_is_and_no_byte_order_mark():
    content = write_csv(("a",), [{"a": "=1+1"}], for_spreadsheet=False)
    assert content == b"a\r\n=1+1\r\n"


def test_negative_numbers_are_numbers_not_formulas():
    assert read(write_csv(("a",), [{"a": -0.5}]))[0]["a"] == "-0.5"


def test_quotes_commas_and_line_breaks_survive():
    text = 'a "b", c\nd'
    assert read(write_csv(("a",), [{"a": text}]))[0]["a"] == text


def test_json_refuses_what_is_not_a_number():
    assert write_json({"p": None}) == b'{\n  "p": null\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"p": float("nan")})


@pytest.mark.parametrize("text", ("-5", "+5", "-0.25", "1e-5", "a=b", "2026-01-01", "x - y"))
def test_numbers_and_plain_text_stay_as_they_are(text: str):
    assert read(write_csv(("a",), [{"a": text}]))[0]["a"] == text
