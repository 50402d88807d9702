import json
from pathlib import Path

import pytest

from experiments_core.cli import main
from experiments_core.cli.analyze import in_shell_words

UNITS = "user_id,group,converted,revenue,country\n" + "".join(
    f"u{i},{'test' if i % 2 else 'control'},{int(i % 9 < 1 + i % 2)},{i % 7}.5,"
    f"{'DE' if i % 3 else 'FR'}\n"
    for i in range(3000)
)


@pytest.fixture
def units(tmp_path: Path) -> str:
    file = tmp_path / "units.csv"
    file.write_text(UNITS)
    return str(file)


@pytest.fixture
def totals(tmp_path: Path) -> str:
    file = tmp_path / "totals.csv"
    file.write_text("arm,visitors,sales\ncontrol,10000,1000\nB,10000,1100\n")
    return str(file)


def analyze(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["analyze", *arguments]) == 0
    return capsys.readouterr().out.replace("\u202f", " ").replace("\u2212", "-")


def test_totals_give_the_textbook_result(totals: str, capsys: pytest.CaptureFixture[str]):
    out = analyze(capsys, totals, "--variant", "arm", "--proportion", "sales:visitors")
    assert "+10.0 % (1.4 % to 19.3 %)" in out
    assert "p = 0.021" in out


def test_json_is_the_results_body(totals: str, capsys: pytest.CaptureFixture[str]):
    out = analyze(
        capsys, totals, "--variant", "arm", "--proportion", "sales:visitors", "--json"
    )
    arm = json.loads(out)["metrics"][0]["arms"][1]
    assert arm["difference"] == pytest.approx(0.01)
    assert arm["p_value"] == pytest.approx(0.02108, abs=1e-5)


def test_rows_per_unit_with_every_option(units: str, capsys: pytest.CaptureFixture[str]):
    out = analyze(
        capsys, units, "--variant", "group", "--control", "control", "--unit", "user_id",
        "--proportion", "converted", "--mean", "revenue", "--segment", "country",
        "--split", "control=50,test=50", "--alpha", "1%", "--correction", "bh", "--json",
    )  # fmt: skip
    body = json.loads(out)
    assert [metric["key"] for metric in body["metrics"]] == ["converted", "revenue"]
    assert {one["value"] for one in body["metrics"][0]["segments"]} == {"DE", "FR"}
    assert body["final"] is True


def test_a_running_test_is_read_so_that_looking_is_safe(
    units: str, capsys: pytest.CaptureFixture[str]
):
    out = analyze(
        capsys, units, "--variant", "group", "--proportion", "converted", "--still-running",
        "--json",
    )  # fmt: skip
    assert "sequential" in json.loads(out)["metrics"][0]["arms"][1]


def test_looks_methods_and_the_bayesian_view_are_options(
    units: str, capsys: pytest.CaptureFixture[str]
):
    out = analyze(
        capsys, units, "--variant", "group", "--proportion", "converted", "--sequential",
        "group_sequential", "--planned-units", "100000", "--look", "10", "--look", "20",
        "--method", "newcombe", "--method", "fisher", "--bayes", "--json",
    )  # fmt: skip
    metric = json.loads(out)["metrics"][0]
    assert "bayes" in metric["arms"][1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    (
        (["--proportion", "converted"], "--variant"),
        (["--variant", "group"], "--proportion COL"),
        (["--variant", "grp", "--proportion", "converted"], "no column “grp”"),
        (["--variant", "group", "--proportion", "country"], "country"),
        (["--variant", "group", "--mean", "revenue", "--control", "blue"], "blue"),
        (["--variant", "group", "--mean", "revenue", "--split", "control"], "VARIANT=WEIGHT"),
        (["--variant", "group", "--mean", "revenue", "--alpha", "5"], "alpha"),
    ),
)
def test_what_is_wrong_is_a_sentence_and_exit_code_1(
    units: str, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    try:
        code: object = main(["analyze", units, *arguments])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 1
    assert sentence in captured.err
    assert captured.out == ""


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["analyze", "no.csv", "--variant", "a", "--proportion", "b"]) == 1
    assert "There is no file “no.csv”" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("notebook", "shell"),
    (
        ("Say it: control='open'.", "Say it: --control open."),
        ("leave_out_bad_rows=True", "--good-rows"),
        (
            'Say it: planned_units=20000, or use sequential="always_valid".',
            "Say it: --planned-units 20000, or use --sequential always_valid.",
        ),
        (
            'Use Proportion("conversions", of="visitors").',
            "Use --proportion conversions:visitors.",
        ),
    ),
)
def test_hints_speak_the_language_of_the_shell(notebook: str, shell: str):
    assert in_shell_words(notebook) == shell
