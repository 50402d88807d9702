"""Keys, people and experiments from the command line, with and without a server."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from experiments_core import cli
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.services import experiments, keys
from experiments_core.services.workspace import open_workspace
from tests.servers import start_server, stop_server

KEY = re.compile(r"up_live_[a-z0-9]{12}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UPSHOT_WORKSPACE", str(tmp_path))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) == 0
    return capsys.readouterr().out


def walk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    token = told(capsys, "keys", "create", "--name", "ci", "--scopes", "flags:read", "assign")
    assert KEY.fullmatch(token.strip())
    assert "experiments:read" in told(capsys, "keys", "list")
    monkeypatch.setattr("sys.stdin", io.StringIO("kr_live_9f8e7d6c5b4a39281706\n"))
    shown = told(capsys, "keys", "create", "--name", "krafter", "--token-stdin")
    assert "5b4a" not in shown
    assert "is revoked" in told(capsys, "keys", "revoke", "ci")
    assert "revoked" in told(capsys, "keys", "list")
    assert cli.main(["keys", "revoke", "ci"]) == 1
    assert "revoked before" in capsys.readouterr().err
    assert "admin now" in told(capsys, "users", "add", "mira@example.com", "--role", "admin")
    assert "/sign-in?link=" in told(capsys, "users", "link", "mira@example.com")
    told(capsys, "users", "add", "jo@example.com")
    assert "signed out" in told(capsys, "users", "disable", "jo@example.com")
    assert "switched off" in told(capsys, "users", "list")
    assert "shorter-checkout" in told(capsys, "experiments", "list")


def make_experiment(place: Path) -> None:
    with open_workspace(place) as ws:
        experiments.create_experiment(ws, LOCAL, ExperimentDraft("Shorter checkout"))


def test_everything_works_while_no_server_runs(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    make_experiment(place)
    walk(capsys, monkeypatch)
    with open_workspace(place) as ws:
        assert {key.created_by for key in keys.list_keys(ws, LOCAL)} == {"operator"}


def test_everything_works_while_the_server_runs(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    make_experiment(place)
    server = start_server(place, sample=False)
    try:
        walk(capsys, monkeypatch)
    finally:
        stop_server(server)


def test_nothing_is_said_of_what_is_not_there(place: Path, capsys: pytest.CaptureFixture[str]):
    assert place.exists()
    assert "upshot keys create" in told(capsys, "keys", "list")
    assert "upshot users add" in told(capsys, "users", "list")
    assert "no experiment yet" in told(capsys, "experiments", "list")
