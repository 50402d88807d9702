"""One process owns a workspace: a lock file beside it that names the owner.

The database's own lock is not enough: it is lost as soon as any code in the owning process
opens and closes the database file (to copy or hash it, say), and a second process then writes
rows that vanish. This lock is on a file that nobody else has a reason to open.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments_core.errors import BusyError

PATIENCE = 10  # attempts, 20 ms apart: someone who only looks holds the lock for an instant


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a workspace open.

    Attributes:
        pid: Its process id; 0 when it has not written it yet.
        address: Where it serves; empty for a program that serves nothing.
        port: TCP port it serves on, or None.
    """

    pid: int
    address: str = ""
    port: int | None = None

    @property
    def url(self) -> str:
        """Address for a browser, or empty."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}" if self.address and self.port else ""


class WorkspaceLock:
    """The lock, held from construction to :meth:`release` or the end of the process.

    Raises:
        BusyError: another process, or another opener in this one, holds it.
    """

    def __init__(self, file: Path, owner: Owner) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _try_patiently(self._descriptor):
            holder = _read(self._descriptor)
            os.close(self._descriptor)
            raise BusyError(_sentence(holder), hint=_advice(holder))
        text = json.dumps(asdict(owner)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def release(self) -> None:
        """Let the next opener in. The file stays: removing it would race with an opener."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def owner_of(file: Path) -> Owner | None:
    """Tell who holds the lock now; None when nobody does."""
    if not file.exists():
        return None
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        return None if _try(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_patiently(descriptor: int) -> bool:
    for _ in range(PATIENCE):
        if _try(descriptor):
            return True
        time.sleep(0.02)
    return False


def _read(descriptor: int) -> Owner:
    text = os.pread(descriptor, 4096, 0)
    try:
        return Owner(**json.loads(text))
    except (ValueError, TypeError):
        return Owner(pid=0)


def _sentence(owner: Owner) -> str:
    process = f"process {owner.pid}" if owner.pid else "another process"
    place = f", {owner.url}" if owner.url else ""
    return f"Upshot already has this workspace open ({process}{place})."


def _advice(owner: Owner) -> str:
    if owner.url:
        return f"Open {owner.url}, stop that process first, or set UPSHOT_WORKSPACE."
    return "Wait until it has ended, or set UPSHOT_WORKSPACE to another folder."
