import json
import subprocess
import sys

import pytest

import experiments_core as ec
from experiments_core.cli import main


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", *arguments]) == 0
    return capsys.readouterr().out.replace("\u202f", " ").replace("\u2212", "-")


def test_a_plan_in_one_line_and_two_tables(capsys: pytest.CaptureFixture[str]):
    out = plan(
        capsys, "--baseline", "8.3%", "--mde", "8%", "--relative", "--daily-units", "4200"
    )
    head, *rest = out.splitlines()
    assert head == (
        "56 160 units, 14 days (2 full weeks) to see +0.66 pp (+8.0 %): 8.30 % → 8.96 %"
    )
    assert "control    50.0 %  28 080" in rest
    assert any(line.startswith("2 ←    58 800") for line in rest)


def test_details_explain_other_calculators_and_print_the_formula(
    capsys: pytest.CaptureFixture[str],
):
    out = plan(capsys, "--baseline", "0.1", "--mde", "0.01", "--details")
    assert "GrowthBook" in out
    assert "15 611" in out
    assert "What if? Units needed" in out
    assert "n_control = [" in out


def test_a_mean_is_planned_by_its_spread(capsys: pytest.CaptureFixture[str]):
    out = plan(capsys, "--sd", "10", "--mde", "5", "--arms", "3", "--details")
    assert "treatment 2" in out
    assert "Noncentral t" in out
    assert "standard deviation" in out


def test_given_units_tell_the_effect_they_show(capsys: pytest.CaptureFixture[str]):
    out = plan(capsys, "--baseline", "0.1", "--units", "20000")
    assert "increase    +1.22 pp  +12.2 %" in out
    assert "decrease    -1.16 pp  -11.6 %" in out


def test_given_days_tell_the_same(capsys: pytest.CaptureFixture[str]):
    out = plan(capsys, "--baseline", "0.1", "--days", "10", "--daily-units", "2000")
    assert "10 000 + 10 000 units" in out


def test_given_units_and_effect_tell_the_power(capsys: pytest.CaptureFixture[str]):
    out = plan(capsys, "--baseline", "0.1", "--mde", "0.01", "--units", "20000")
    assert "With 20 000 units: power 64 %" in out


def test_json_carries_every_number(capsys: pytest.CaptureFixture[str]):
    body = json.loads(plan(capsys, "--baseline", "0.1", "--mde", "0.01", "--json"))
    assert body["units"] == [14751, 14751]
    assert body["design"]["alpha_local"] == 0.05
    assert body["other_calculators"][0]["ours"] is True


def test_json_names_the_reason_of_what_does_not_exist(capsys: pytest.CaptureFixture[str]):
    body = json.loads(plan(capsys, "--sd", "10", "--units", "2000", "--json"))
    assert body["relative_increase"] is None
    assert body["relative_increase_reason"] == "nonpositive_control"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    (
        (["--baseline", "0.1"], "--mde is missing"),
        (["--baseline", "0.1", "--days", "7"], "--mde is missing"),
        (["--mde", "0.01"], "--baseline is missing"),
        (["--units", "100"], "--baseline is missing"),
        (["--baseline", "8.3", "--mde", "0.01"], "a rate is a fraction between 0 and 1"),
        (["--baseline", "0.1", "--mde", "0"], "effect of zero"),
    ),
)
def test_what_is_missing_or_wrong_is_one_sentence_and_exit_code_1(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["plan", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("text", ("x", "nan", "inf", "", "8,3%"))
def test_what_is_no_number_is_refused(text: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["plan", "--baseline", text, "--mde", "0.01"])
    assert stop.value.code == 1
    assert "is not a number" in capsys.readouterr().err


def test_planning_loads_neither_pandas_nor_streamlit_nor_duckdb():
    code = (
        "import sys; from experiments_core.cli import main; "
        "main(['plan', '--baseline', '0.1', '--mde', '0.01']); "
        "print(sorted({'pandas', 'streamlit', 'duckdb', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_looks_cost_units(capsys: pytest.CaptureFixture[str]):
    asked = ("--baseline", "0.1", "--mde", "0.01", "--looks", "5")
    assert "5             30 232            +2.5 %             –" in plan(capsys, *asked)
    (looked,) = json.loads(plan(capsys, *asked, "--json"))["looks"]
    again = ec.sample_size(baseline=0.1, minimum_detectable_effect=0.01, looks=5)
    assert looked["looks"] == 5
    assert looked["total"] == pytest.approx(again.total, abs=2)  # rounded there arm by arm


def test_a_guardrail_is_planned_by_its_margin(capsys: pytest.CaptureFixture[str]):
    asked = ("--baseline", "0.1", "--margin", "5%")
    # (1.959964 + 0.841621)² 2 0.1 0.9 / 0.005², Chow, Shao & Wang 2008, ch. 4
    assert plan(capsys, *asked).startswith("56 512 units per arm show with power 80 % that")
    assert json.loads(plan(capsys, *asked, "--json"))["total"] == 2 * 56512


def test_a_ratio_and_its_guardrail_are_planned_by_the_linearised_spread(
    capsys: pytest.CaptureFixture[str],
):
    spread = ec.linearised_spread(
        numerator_mean=1.8, denominator_mean=4.0, numerator_standard_deviation=1.5,
        denominator_standard_deviation=2.0, correlation=0.6,
    )  # fmt: skip
    # Var(Y - 0.45 N) / 4² with Var = 1.5² - 2 0.45 0.6 1.5 2 + 0.45² 2²
    assert spread == pytest.approx((1.44 / 16) ** 0.5)
    told = ("--baseline", "0.45", "--sd", str(spread), "--ratio")
    text = plan(capsys, *told, "--mde", "2%", "--relative")
    assert "two ratios of sums" in text
    again = ec.sample_size(
        baseline=0.45, minimum_detectable_effect=0.02, relative=True, standard_deviation=spread
    )
    assert "".join(text.split(" units")[0].split()) == str(again.total)
    rail = ec.non_inferiority_size(
        baseline=0.45, margin=0.05, relative=True, standard_deviation=spread,
        preferred_direction="decrease",
    )  # fmt: skip
    body = json.loads(plan(capsys, *told, "--margin", "5%", "--less-is-better", "--json"))
    assert body["units"] == [rail.control, rail.treatment]
    units = ("--units", str(rail.total))
    body = json.loads(
        plan(capsys, *told, "--margin", "5%", "--less-is-better", "--json", *units)
    )
    assert body["power"] == pytest.approx(0.8, abs=1e-3)
    assert "exclude a harm of" in plan(capsys, *told, *units)


@pytest.mark.parametrize(
    ("arguments", "said"),
    (
        (("--mde", "0.01", "--looks", "0"), "1 to 50 looks, not 0"),
        (("--mde", "0.01", "--looks", "5", "--alternative", "greater"), "two-sided"),
        (("--looks", "5", "--units", "1000"), "--mde is missing"),
        (("--margin", "5"), "above 0 and below 1"),
        (("--margin", "5%", "--mde", "0.01"), "leave out --mde"),
        (("--margin", "5%", "--ratio"), "--sd is missing"),
        (("--margin", "-1", "--margin-absolute"), "above 0 in the metric’s unit"),
    ),
)
def test_looks_and_margins_that_make_no_plan_are_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["plan", "--baseline", "0.1", *arguments]) != 0
    assert said in capsys.readouterr().err
