"""The folder beside the file: lock, secret, acknowledged changes, uploads, overflow."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_folders(side: Path) -> None:
    """Make the side folder of a workspace."""
    for name in ("uploads", "tmp"):
        (side / name).mkdir(parents=True, exist_ok=True)


def clear(folder: Path) -> None:
    """Remove what a process that was killed had put on disk for lack of memory."""
    for left_over in folder.iterdir():
        left_over.unlink()


def secret_of(side: Path) -> bytes:
    """The workspace's key for hash chains and tokens, made on first use."""
    file = side / "secret"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(secrets.token_bytes(32))
    return file.read_bytes()
