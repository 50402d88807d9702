import os
import socket
import sys
from pathlib import Path

import pytest

from experiments_core.cli import main, place
from experiments_core.services.workspace import open_workspace

VARIABLES = ("UPSHOT_WORKSPACE", "UPSHOT_PORT", "UPSHOT_ADDRESS", "UPSHOT_SAMPLE")


class ReplacedError(Exception):
    """Stands for the process that has become the server."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    seen: list[list[str]] = []

    def replace(_: str, command: list[str]) -> None:
        seen.append(command)
        raise ReplacedError

    monkeypatch.setattr(os, "execv", replace)
    return seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_serve_becomes_streamlit_with_the_flags_in_the_environment(
    tmp_path: Path, commands: list[list[str]]
):
    port = free_port()
    with pytest.raises(ReplacedError):
        main(["serve", "--port", str(port), "--workspace", str(tmp_path), "--sample"])
    (command,) = commands
    assert command[:4] == [sys.executable, "-m", "experiments_core.cli.server", "run"]
    assert Path(command[4]).name == "app.py"
    assert Path(command[4]).is_file()
    assert command[5:9] == ["--server.port", str(port), "--server.address", "127.0.0.1"]
    assert os.environ["UPSHOT_WORKSPACE"] == str(tmp_path)
    assert os.environ["UPSHOT_SAMPLE"] == "1"


def test_the_default_workspace_is_the_data_folder_of_the_checkout(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    settings = place.settle()
    assert settings.workspace == place.PACKAGE.parent / "data" / "upshot.duckdb"
    assert commands == []


def test_a_second_start_says_who_has_the_workspace_and_refuses(
    tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
):
    with open_workspace(tmp_path):
        assert main(["serve", "--workspace", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert f"process {os.getpid()} has {tmp_path / 'upshot.duckdb'} open" in message
    assert commands == []


def test_a_taken_port_is_refused_with_another_one(
    tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--workspace", str(tmp_path)]) == 2
    assert f"Port {port} of 127.0.0.1 is taken" in capsys.readouterr().err
    assert commands == []


@pytest.mark.parametrize(
    ("flags", "named"),
    ((["--port", "99999"], "99999"), (["--address", "0.0.0.0"], "0.0.0.0")),  # noqa: S104
)
def test_a_place_that_is_not_allowed_is_named(
    flags: list[str],
    named: str,
    tmp_path: Path,
    commands: list[list[str]],
    capsys: pytest.CaptureFixture[str],
):
    assert main(["serve", "--workspace", str(tmp_path), *flags]) == 2
    assert named in capsys.readouterr().err
    assert commands == []


def test_an_incomplete_installation_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(place, "PACKAGE", tmp_path / "site" / "experiments_core")
    port = str(free_port())
    assert main(["serve", "--workspace", str(tmp_path), "--port", port]) == 1
    assert "has no pages" in capsys.readouterr().err


def test_an_installed_wheel_carries_its_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    package = tmp_path / "site" / "experiments_core"
    (package / "_front").mkdir(parents=True)
    (package / "_front" / "app.py").touch()
    monkeypatch.setattr(place, "PACKAGE", package)
    assert place.front_door() == package / "_front" / "app.py"
    assert place.checkout() is None
