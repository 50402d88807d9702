import io
import subprocess
import sys

import pytest

from experiments_core.cli import main
from experiments_core.cli.terminal import Progress, shown_width, table


def test_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in ("serve", "analyze", "plan", "import"):
        assert f"  {verb}" in out


def test_no_verb_is_an_error_that_helps(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 1
    assert "usage: upshot" in capsys.readouterr().out


def test_an_unknown_verb_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["destroy"]) == 1
    assert "There is no command “destroy”" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("upshot ")


def test_the_package_itself_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "experiments_core", "--version"], capture_output=True, check=True
    )
    assert done.stdout.startswith(b"upshot ")


def test_a_terminal_without_utf8_gets_question_marks_not_a_trace():
    done = subprocess.run(
        [sys.executable, "-m", "experiments_core", "plan", "--baseline=.1", "--mde=.01"],
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert b"29?502 units" in done.stdout


def test_an_interrupt_says_that_nothing_was_stored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments_core.cli.plan.run", interrupted)
    assert main(["plan"]) == 130
    assert "Nothing was stored" in capsys.readouterr().err


def test_tables_align_by_what_a_terminal_shows():
    text = table(("name", "n"), [("日本", "1"), ("e\u0301", "10")])
    assert text.splitlines() == ["name   n", "────  ──", "日本   1", "e\u0301     10"]
    assert shown_width("日本") == 4


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_and_taken_away(monkeypatch: pytest.MonkeyPatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    progress = Progress()
    progress(0.5, "Reading")
    progress(0.51, "Reading")  # too soon to draw again
    progress(1.0, "Read")
    progress.end()
    drawn = screen.getvalue().split("\r")
    assert [line.split()[1] for line in drawn if "%" in line] == ["50%", "100%"]
    assert drawn[-2].strip() == ""


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]):
    progress = Progress()
    progress(1.0, "Read")
    progress.end()
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_gone_is_no_error():
    command = f"{sys.executable} -m experiments_core --help | sleep 0"
    done = subprocess.run(command, shell=True, capture_output=True, check=True)  # noqa: S602
    assert done.stderr == b""
