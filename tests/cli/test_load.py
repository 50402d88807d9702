import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments_core.cli import main
from experiments_core.cli.operator import Server
from experiments_core.domain.access import LOCAL
from experiments_core.errors import BusyError, UpshotError
from experiments_core.services import ingestion
from experiments_core.services.experiments import list_experiments
from experiments_core.services.workspace import open_workspace
from tests import servers

UNITS = "user_id,group,converted,revenue\n" + "".join(
    f"u{i},{'test' if i % 2 else 'control'},{int(i % 9 < 1 + i % 2)},{i % 7}.5\n"
    for i in range(1000)
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "units.csv"
    path.write_text(UNITS)
    return str(path)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    monkeypatch.setenv("UPSHOT_WORKSPACE", str(folder))
    return folder


def load(*arguments: str) -> int:
    return main(["import", *arguments])


def test_a_file_becomes_an_experiment(
    file: str, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    assert load(file, "--new", "Checkout", "--finished", "--less-is-better", "converted") == 0
    out = capsys.readouterr().out.replace("\u202f", " ")
    assert "1 000 rows read = 1 000 used + 0 left out" in out
    assert "control    500" in out
    assert "Imported 1 000 rows into “Checkout” (checkout)." in out
    assert list((workspace / "inbox").iterdir()) == []
    assert Path(file).exists()
    with open_workspace(workspace) as ws:
        (experiment,) = list_experiments(ws, LOCAL)
        (record,) = ingestion.imports_of(ws, LOCAL, experiment.id)
    assert record.file_name == "units.csv"
    assert experiment.metrics[0].preferred_direction == "decrease"


def test_the_same_file_again_is_nothing_to_do(
    file: str, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    assert workspace
    load(file, "--new", "Checkout", "--finished")
    capsys.readouterr()
    assert load(file, "--experiment", "checkout") == 0
    assert "You imported this file" in capsys.readouterr().out


def test_a_file_of_the_inbox_stays_there(file: str, workspace: Path):
    inbox = workspace / "inbox"
    inbox.mkdir(parents=True)
    lying = inbox / "units.csv"
    lying.write_text(UNITS)
    assert load(str(lying), "--new", "Checkout", "--finished") == 0
    other = Path(file)
    other.write_text(UNITS.replace("u", "v"))
    assert load(file, "--new", "Other", "--variant", "grovp", "--finished", "--control",
                "control", "--outcome", "converted") == 0  # fmt: skip
    assert [found.name for found in inbox.iterdir()] == ["units.csv"]
    assert lying.read_text() == UNITS


def test_a_file_on_another_disk_is_copied(
    file: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", refused)
    assert load(file, "--new", "Checkout", "--finished") == 0
    assert list((workspace / "inbox").iterdir()) == []


def test_a_check_stores_nothing(file: str, workspace: Path, capsys: pytest.CaptureFixture[str]):
    assert load(file, "--new", "Checkout", "--finished", "--check") == 0
    assert "this was a check" in capsys.readouterr().out
    with open_workspace(workspace) as ws:
        assert list_experiments(ws, LOCAL) == []


def test_open_questions_are_listed_where_nobody_can_answer(
    file: str,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    assert workspace
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert load(file, "--new", "Checkout") == 1
    message = capsys.readouterr().err
    assert "FINISHED: Is the test over?" in message
    assert "[yes | no]" in message
    assert load(file, "--new", "Checkout", "--answer", "FINISHED=yes") == 0


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_somebody_at_the_terminal_is_asked(
    tmp_path: Path,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    path = tmp_path / "units.csv"
    path.write_text(UNITS.replace("control", "old").replace("test", "new"))
    monkeypatch.setattr(sys, "stdin", Terminal("9\nold\n1\n"))
    assert load(str(path), "--new", "Checkout") == 0
    out = capsys.readouterr().out
    assert "Which value of “group” is control?" in out
    assert "Type a number from 1 to 2." in out
    with open_workspace(workspace) as ws:
        (experiment,) = list_experiments(ws, LOCAL)
    assert experiment.control.key == "old"
    assert experiment.data_finished is True


def test_enter_takes_the_likeliest_answer(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "units.csv"
    path.write_text(UNITS.replace("control", "old").replace("test", "new"))
    monkeypatch.setattr(sys, "stdin", Terminal("\n\n2\n"))
    assert load(str(path), "--new", "Checkout") == 0
    with open_workspace(workspace) as ws:
        (experiment,) = list_experiments(ws, LOCAL)
    assert experiment.control.key == "old"
    assert experiment.data_finished is False


def test_rows_at_fault_are_shown_and_left_out_only_on_request(
    tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    assert workspace
    path = tmp_path / "units.csv"
    path.write_text(f"{UNITS}u9999,control,perhaps,1.0\n")
    assert load(str(path), "--new", "Checkout", "--finished") == 1
    captured = capsys.readouterr()
    assert "perhaps" in captured.out
    assert "1 row cannot be used" in captured.err
    assert "--good-rows" in captured.err
    assert load(str(path), "--new", "Checkout", "--finished", "--good-rows") == 0


def test_totals_are_named_by_their_columns(
    tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    assert workspace
    path = tmp_path / "totals.csv"
    path.write_text("arm,visitors,sales\ncontrol,10000,1000\nB,10000,1100\n")
    done = load(
        str(path), "--new", "Wall", "--variant", "arm", "--visitors", "visitors",
        "--conversions", "sales", "--split", "control=1,B=1", "--finished",
    )  # fmt: skip
    assert done == 0
    assert "B        10\u202f000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    (
        (["none.csv", "--new", "A"], "There is no file “none.csv”"),
        (["book.parquet", "--new", "A"], "names end in .csv"),
        (["units.csv", "--experiment", "nothing"], "no experiment “nothing”"),
        (["units.csv", "--new", "A", "--variant", "grp"], "no column “grp”"),
        (["units.csv", "--new", "A", "--answer", "CONTROL"], "is not CODE=VALUE"),
        (["units.csv"], "--experiment"),
    ),
)
def test_what_is_wrong_is_a_sentence_and_exit_code_1(
    arguments: list[str],
    sentence: str,
    file: str,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(Path(file).parent)
    Path("book.parquet").write_bytes(b"PAR1")
    try:
        code: object = load(*arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 1
    assert sentence in capsys.readouterr().err
    assert not list((workspace / "inbox").glob("*"))


def test_a_workspace_that_a_notebook_holds_is_left_alone(
    file: str, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    with open_workspace(workspace):
        assert load(file, "--new", "Checkout", "--finished") == 1
    assert f"open in process {os.getpid()}" in capsys.readouterr().err


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    running = servers.start_server(tmp_path_factory.mktemp("served"), sample=False)
    yield running
    servers.stop_server(running)


def test_a_served_workspace_is_filled_through_its_server(
    file: str,
    server: servers.Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("UPSHOT_WORKSPACE", str(server.workspace))
    monkeypatch.setattr(sys, "stdin", Terminal("1\n"))
    assert load(file, "--new", "Checkout") == 0
    assert "Imported 1\u202f000 rows into “Checkout”" in capsys.readouterr().out
    assert load(file, "--experiment", "checkout") == 0
    assert "You imported this file" in capsys.readouterr().out
    assert load(file, "--new", "Other", "--variant", "grp") == 1
    assert "no column “grp”" in capsys.readouterr().err
    assert main(["reconcile", "checkout", file]) == 0
    assert "They say the same." in capsys.readouterr().out
    assert list((server.workspace / "inbox").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "rule"),
    (
        ({}, "REQUIRED"),
        ({"inbox": 3}, "TYPE"),
        ({"inbox": "a.csv", "colour": "red"}, "UNKNOWN_FIELD"),
        ({"inbox": "a.csv", "mapping": [1]}, "TYPE"),
        ({"inbox": "a.csv", "mapping": {"colour": "red"}}, "UNKNOWN_FIELD"),
    ),
)
def test_the_server_names_what_is_wrong_with_a_request(
    body: dict[str, object], rule: str, server: servers.Server
):
    ours = Server(server.url, server.workspace / "upshot.d" / "secret")
    with pytest.raises(UpshotError) as refusal:
        ours.run_import(body, lambda *_: None)
    assert refusal.value.details[0].rule == rule


def test_without_the_secret_the_server_refuses(server: servers.Server, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 32)
    with pytest.raises(UpshotError, match="operator token"):
        Server(server.url, secret).run_import({"inbox": "a.csv"}, lambda *_: None)


def test_a_server_that_does_not_answer_is_named(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 32)
    gone = Server(f"http://127.0.0.1:{servers.free_port()}", secret)
    with pytest.raises(BusyError, match="does not answer"):
        gone.run_import({"inbox": "a.csv"}, lambda *_: None)


def test_open_questions_name_the_options_that_answer_them(
    tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    assert workspace
    file = tmp_path / "no_arms.csv"
    file.write_text("user_id,converted\n" + "".join(f"u{i},{i % 2}\n" for i in range(100)))
    assert load(str(file), "--new", "T") == 1
    told = capsys.readouterr().err
    assert "Which column says the variant of each row? [1 = converted" in told
    assert "--variant COL" in told
    assert "--finished or --no-finished" in told
