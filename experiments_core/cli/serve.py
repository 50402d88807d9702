"""``upshot serve``: become the server."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments_core.cli.place import front_door, settle
from experiments_core.cli.terminal import REFUSED, Parser, complain
from experiments_core.errors import InvalidInputError
from experiments_core.services.workspace import owner
from experiments_core.settings import Settings


def run(arguments: Sequence[str]) -> int:
    """Check what can go wrong, then replace this process by Streamlit's server."""
    options = _parser().parse_args(arguments)
    try:
        settings = settle(
            workspace=options.workspace,
            port=options.port,
            address=options.address,
            sample=options.sample,
        )
    except InvalidInputError as error:
        complain(str(error))
        return REFUSED
    refusal = _refusal(settings)
    if not refusal:
        command = server_command(settings, front_door())
        os.execv(command[0], command)  # noqa: S606  signals must reach the server itself
    complain(*refusal)
    return REFUSED


def server_command(settings: Settings, script: Path) -> list[str]:
    """The command that this process becomes."""
    return [
        sys.executable, "-m", "experiments_core.cli.server", "run", str(script),
        "--server.port", str(settings.port),
        "--server.address", settings.address,
        "--server.headless", "true",
    ]  # fmt: skip


def _refusal(settings: Settings) -> tuple[str, ...]:
    holder = owner(settings.workspace)
    if holder is not None:
        who = f"process {holder.pid}" if holder.pid else "another process"
        serving = f" and serves it at {holder.url}" if holder.url else ""
        advice = (
            f"Open {holder.url}, stop that process" if holder.url else "Wait until it has ended"
        )
        return (
            f"Upshot is already running: {who} has {settings.workspace} open{serving}.",
            f"{advice}, or choose another --workspace.",
        )
    if not _is_free(settings.address, settings.port):
        return (
            f"Port {settings.port} of {settings.address} is taken by another program.",
            f"Choose another one: upshot serve --port {settings.port % 65535 + 1}",
        )
    return ()


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _parser() -> Parser:
    parser = Parser("upshot serve", description="Open the pages and the API of a workspace.")
    parser.add_argument("--workspace", help="folder or .duckdb file (default: data/)")
    parser.add_argument("--port", type=int, help="TCP port (default: 8501)")
    parser.add_argument(
        "--address", help="127.0.0.1, localhost or ::1; another one with UPSHOT_AUTH=accounts"
    )
    parser.add_argument(
        "--sample", action="store_true", help="load the samples into an empty workspace"
    )
    return parser
