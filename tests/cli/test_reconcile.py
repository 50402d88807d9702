import json
from pathlib import Path

import pytest

from experiments_core.cli import main

ARMS = ("control", "treatment")
THEIRS = {"control": "Original", "treatment": "Variation 1"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """Own rows; another tool's with 8 units less, 10 outcomes and all names changed; totals."""
    folder = tmp_path_factory.mktemp("sources")
    own, tool = ["user_id,variant,paid"], ["user_id,arm,paid"]
    for n in range(400):
        arm, paid = ARMS[n % 2], int(n % 5 == 0)
        own.append(f"u{n},{arm},{paid}")
        if n % 50 != 3:
            tool.append(f"u{n},{THEIRS[arm]},{paid if n % 40 else 0}")
    totals = ["arm,users,paid", "control,200,40", "treatment,197,39"]
    found = []
    for name, lines in (("own", own), ("tool", tool), ("totals", totals)):
        path = folder / f"{name}.csv"
        path.write_text("\n".join(lines))
        found.append(str(path))
    return found[0], found[1], found[2]


def test_two_files_are_held_against_each_other_with_reasons(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
):
    own, tool, totals = files
    assert main(["reconcile", own, tool]) == 0
    out = capsys.readouterr().out
    assert "own.csv: 400 units · tool.csv: 392 units · 392 in both" in out
    assert "8 units are only in own.csv." in out
    assert "10 units have another “paid”." in out
    assert "“Variation 1” of tool.csv is “treatment” of own.csv" in out
    assert main(["reconcile", own, totals, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["arms"]["treatment"] == [200, 197]
    assert found["sums"]["paid"]["treatment"] == [40, 39]
    assert main(["reconcile", own, own]) == 0
    assert "They say the same." in capsys.readouterr().out


def test_a_file_is_held_against_an_experiment_and_nothing_is_stored(
    files: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    own, tool, _ = files
    place = ["--workspace", str(tmp_path / "w")]
    assert main(["import", own, "--new", "Shop", "--finished", *place]) == 0
    capsys.readouterr()
    assert main(["reconcile", "shop", tool, *place]) == 0
    assert "--theirs merge=TEXT=VARIANT" in capsys.readouterr().out
    named = [f"--theirs=merge={theirs}={arm}" for arm, theirs in THEIRS.items()]
    assert main(["reconcile", "shop", tool, *named, *place]) == 0
    out = capsys.readouterr().out
    assert "shop: 400 units · tool.csv: 392 units · 392 in both" in out
    assert "8 units are only in the data." in out
    assert list((tmp_path / "w" / "inbox").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    (
        (("nothing", "{own}"), "There is no experiment “nothing”"),
        (("{own}", "nothing.csv"), "There is no file “nothing.csv”"),
        (("{own}", "{tool}", "--theirs", "variant=group"), "no column “group”"),
        (("{own}", "{tool}", "--say", "colour=red"), "“colour” is no field of a mapping"),
    ),
)
def test_what_is_not_there_is_named(
    arguments: tuple[str, ...], sentence: str, files: tuple[str, str, str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    told = [one.format(own=files[0], tool=files[1]) for one in arguments]
    assert main(["reconcile", *told, "--workspace", str(tmp_path / "w")]) == 1
    assert sentence in capsys.readouterr().err
