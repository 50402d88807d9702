"""``upshot backup`` and ``restore``: with and without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments_core import cli
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.services.experiments import create_experiment, list_experiments
from experiments_core.services.workspace import open_workspace
from tests.servers import start_server, stop_server


def made(place: Path, name: str) -> None:
    with open_workspace(place) as ws:
        create_experiment(ws, LOCAL, ExperimentDraft(name))


def test_a_copy_is_made_beside_the_server_and_restored_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    place, elsewhere = tmp_path / "ws", tmp_path / "copy.duckdb"
    monkeypatch.setenv("UPSHOT_WORKSPACE", str(place))
    made(place, "Kept")
    server = start_server(place, sample=False)
    try:
        assert cli.main(["backup", "--to", str(elsewhere)]) == 0
        assert "opened and compared" in capsys.readouterr().out
        assert cli.main(["verify"]) == 0
        assert "ok     audit trail: nobody has touched it" in capsys.readouterr().out
        assert cli.main(["restore", str(elsewhere)]) == 1
        assert "already has this workspace open" in capsys.readouterr().err
    finally:
        stop_server(server)
    assert cli.main(["backup", "--to", str(elsewhere)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["backup", "--list"]) == 0
    assert ".duckdb" in capsys.readouterr().out
    made(place, "Later")
    assert cli.main(["restore", str(elsewhere)]) == 0
    told = capsys.readouterr().out
    assert "lacks the change" in told
    assert "damaged" in told
    assert cli.main(["verify"]) == 1
    assert "FAULT  sequence" in capsys.readouterr().out
    assert cli.main(["restore", "--accept-loss"]) == 0
    assert "can be written" in capsys.readouterr().out
    with open_workspace(place) as ws:
        assert [one.name for one in list_experiments(ws, LOCAL)] == ["Kept"]
