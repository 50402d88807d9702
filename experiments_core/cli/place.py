"""Where things are: the front door's script, and the workspace that a verb means."""

from __future__ import annotations

import os
from pathlib import Path

from experiments_core.errors import WorkspaceError
from experiments_core.settings import Settings, read_settings

PACKAGE = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """The checkout that this package runs from; None for an installed wheel."""
    folder = PACKAGE.parent
    return folder if (folder / "app.py").is_file() else None


def front_door() -> Path:
    """The script that Streamlit runs.

    Raises:
        WorkspaceError: the installation is incomplete.
    """
    script = (checkout() or PACKAGE / "_front") / "app.py"
    if not script.is_file():
        raise WorkspaceError(
            f"This installation has no pages: {script} is missing.", hint="Install it again."
        )
    return script


def settle(
    *,
    workspace: str | None = None,
    port: int | None = None,
    address: str | None = None,
    sample: bool = False,
) -> Settings:
    """Read the settings, flags first, and leave them in the environment for a child.

    Without a flag and without ``UPSHOT_WORKSPACE`` the workspace is ``data/`` of the checkout,
    or of the present folder for an installed wheel.
    """
    flags = {
        "UPSHOT_WORKSPACE": workspace,
        "UPSHOT_PORT": None if port is None else str(port),
        "UPSHOT_ADDRESS": address,
        "UPSHOT_SAMPLE": "1" if sample else None,
    }
    os.environ.update({name: value for name, value in flags.items() if value is not None})
    os.environ.setdefault("UPSHOT_WORKSPACE", str((checkout() or Path.cwd()) / "data"))
    return read_settings()
