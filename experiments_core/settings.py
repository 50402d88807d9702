"""Settings from the environment, read once. No other module reads ``os.environ``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiments_core.errors import InvalidInputError, Problem

DEFAULT_PORT = 8501
LOOPBACK = ("127.0.0.1", "localhost", "::1")
RATE_LIMITS = {
    "management": 300,
    "compute": 60,
    "assign": 12_000,
    "events": 600_000,
    "sign_in": 10,
}
"""Requests per minute and key (events: events; sign-in: per address and account)."""


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
        import_seconds: Seconds that reading one file may take.
        auth: ``local`` (the pages open without signing in) or ``accounts``.
        hosts: Names under which the server is reached, beside those of this machine.
        rate_limits: Kind of request -> how many in a minute.
        test_keys: Let the keys in that are printed in public documents; loopback only.
    """

    workspace: Path
    address: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    sample: bool = False
    max_upload_bytes: int = 200 * 1024 * 1024
    memory_limit: str = "1GB"
    threads: int = 2
    import_seconds: float = 1_800.0
    auth: str = "local"
    hosts: tuple[str, ...] = ()
    rate_limits: Mapping[str, int] = field(default_factory=lambda: dict(RATE_LIMITS))
    test_keys: bool = False


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
    address = env.get("UPSHOT_ADDRESS") or "127.0.0.1"
    auth = _auth(env.get("UPSHOT_AUTH") or "local", address)
    return Settings(
        workspace=workspace_file(env.get("UPSHOT_WORKSPACE") or "data"),
        address=address,
        port=_port(env.get("UPSHOT_PORT") or str(DEFAULT_PORT)),
        sample=env.get("UPSHOT_SAMPLE", "") == "1",
        memory_limit=env.get("UPSHOT_MEMORY_LIMIT") or "1GB",
        threads=max(2, os.cpu_count() or 2),
        import_seconds=_seconds(env.get("UPSHOT_IMPORT_SECONDS") or "1800"),
        auth=auth,
        hosts=tuple(name for name in env.get("UPSHOT_HOSTS", "").split(",") if name),
        rate_limits=_rate_limits(env.get("UPSHOT_RATE_LIMITS", "")),
        test_keys=_test_keys(env.get("UPSHOT_TEST_KEYS", ""), address),
    )


def _seconds(text: str) -> float:
    if text.isdecimal() and 1 <= int(text) <= 86_400:
        return float(text)
    rule = "it is a whole number of seconds from 1 to 86400"
    raise _refuse("UPSHOT_IMPORT_SECONDS", text, "RANGE", rule)


def _port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise _refuse("UPSHOT_PORT", text, "RANGE", "a port is a whole number from 1 to 65535")


def _auth(text: str, address: str) -> str:
    if text not in {"local", "accounts"}:
        raise _refuse("UPSHOT_AUTH", text, "UNKNOWN_CHOICE", "it is local or accounts")
    if text == "local" and address not in LOOPBACK:
        raise _refuse(
            "UPSHOT_ADDRESS",
            address,
            "UNKNOWN_CHOICE",
            "without sign-in Upshot listens on this machine only: 127.0.0.1, localhost or ::1; "
            "UPSHOT_AUTH=accounts lets it listen elsewhere",
        )
    return text


def _test_keys(text: str, address: str) -> bool:
    if text == "1" and address not in LOOPBACK:
        raise _refuse(
            "UPSHOT_TEST_KEYS", text, "UNKNOWN_CHOICE",
            "keys that are printed in documents are let in on this machine only",
        )  # fmt: skip
    return text == "1"


def _rate_limits(text: str) -> dict[str, int]:
    """Read ``events=6000000,assign=120000`` over the defaults."""
    limits = dict(RATE_LIMITS)
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name not in limits or not number.isdecimal() or not 1 <= int(number) <= 10**12:
            known = ", ".join(limits)
            raise _refuse(
                "UPSHOT_RATE_LIMITS", part, "UNKNOWN_CHOICE",
                f"write name=number, a minute's requests above 0 for one of {known}",
            )  # fmt: skip
        limits[name] = int(number)
    return limits


def _refuse(name: str, value: str, rule: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        f"{name} is “{value}”; {message}.",
        details=(Problem(name, value, rule, message),),
        hint=f"Change or unset {name} and start again.",
    )
