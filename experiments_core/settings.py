"""Settings from the environment, read once. No other module reads ``os.environ``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from experiments_core.errors import InvalidInputError, Problem

DEFAULT_PORT = 8501
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs.

    Attributes:
        workspace: The DuckDB file; ``UPSHOT_WORKSPACE`` may also name the folder that holds
            ``upshot.duckdb``.
        address: Address to listen on; only loopback is allowed in local mode.
        port: TCP port for pages and API.
        sample: Load the sample experiments when the workspace is empty.
        max_upload_bytes: Largest file the browser and the REST API take.
        memory_limit: DuckDB's memory limit, as DuckDB writes it.
        threads: Threads for one query.
    """

    workspace: Path
    address: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    sample: bool = False
    max_upload_bytes: int = 200 * 1024 * 1024
    memory_limit: str = "1GB"
    threads: int = 2


def workspace_file(path: str | Path) -> Path:
    """Resolve what ``UPSHOT_WORKSPACE`` names to the DuckDB file.

    A path that ends in ``.duckdb`` is the file itself, anything else a folder that holds it.
    """
    resolved = Path(path).expanduser().resolve()
    return resolved if resolved.suffix == ".duckdb" else resolved / "upshot.duckdb"


def read_settings(environment: dict[str, str] | None = None) -> Settings:
    """Read every ``UPSHOT_*`` variable.

    Raises:
        InvalidInputError: a variable is set to something that is not allowed.
    """
    env = dict(os.environ) if environment is None else environment
    return Settings(
        workspace=workspace_file(env.get("UPSHOT_WORKSPACE") or "data"),
        address=_address(env.get("UPSHOT_ADDRESS") or "127.0.0.1"),
        port=_port(env.get("UPSHOT_PORT") or str(DEFAULT_PORT)),
        sample=env.get("UPSHOT_SAMPLE", "") == "1",
        memory_limit=env.get("UPSHOT_MEMORY_LIMIT") or "1GB",
        threads=max(2, os.cpu_count() or 2),
    )


def _port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise _refuse("UPSHOT_PORT", text, "RANGE", "a port is a whole number from 1 to 65535")


def _address(text: str) -> str:
    if text in LOOPBACK:
        return text
    raise _refuse(
        "UPSHOT_ADDRESS",
        text,
        "UNKNOWN_CHOICE",
        "local mode listens on this machine only: 127.0.0.1, localhost or ::1",
    )


def _refuse(name: str, value: str, rule: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        f"{name} is “{value}”; {message}.",
        details=(Problem(name, value, rule, message),),
        hint=f"Change or unset {name} and start again.",
    )
