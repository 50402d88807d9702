"""Copies of a workspace that were opened and compared before they count as backups.

A copy is made with ``COPY FROM DATABASE`` inside one snapshot, while others write. It is
synced, opened read-only by a child process, and its tables are compared with those of the
snapshot; only then it gets its name, and a file beside it says what it is. A copy of the
database file by other means is no backup: its log may be missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from experiments_core.errors import BusyError, WorkspaceError
from experiments_core.query.literals import quoted
from experiments_core.store.connect import STORAGE_VERSION
from experiments_core.store.fingerprint import Fingerprint, fingerprint

FOLDER = "backups"
KEPT = 7
"""Daily copies that stay; an older one goes only after a newer one was verified."""
PATIENCE = 1_800.0  # seconds that reading a copy may take
ROOM = 64 * 1024 * 1024  # bytes that stay free on the disk

TOLD = ("made_at", "verified_at", "seq", "rows", "bytes", "sha256")
_CHILD = Path(__file__).with_name("fingerprint.py")
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified copy.

    Attributes:
        file: The copy; ``FILE.json`` beside it says the rest.
        made_at: When, as ISO 8601.
        verified_at: When a process had opened and compared it.
        seq: Number of the last commit that it holds.
        rows: Of all its tables.
        bytes: Its size.
        sha256: Of its bytes.
    """

    file: Path
    made_at: str
    verified_at: str
    seq: int
    rows: int
    bytes: int
    sha256: str

    @property
    def is_whole(self) -> bool:
        """Whether its bytes are still those that were verified."""
        return self.file.stat().st_size == self.bytes and _sha256(self.file) == self.sha256


def make(
    cursor: duckdb.DuckDBPyConnection, side: Path, name: str, now: Callable[[], datetime]
) -> Backup:
    """Make and verify one copy.

    Args:
        cursor: On the workspace, outside any transaction, allowed to attach files in ``side``.
        side: The workspace's side folder.
        name: Of the copy, without an ending.
        now: Gives the present moment, aware.

    Raises:
        BusyError: another one is being made, or the disk has no room for it.
        WorkspaceError: ``BACKUP_NOT_VERIFIED``: the copy does not open or differs.
    """
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise BusyError("A backup is being made already.", hint="Wait until it is done.")
    folder = side / FOLDER
    part = folder / f"{name}.part"
    try:
        folder.mkdir(exist_ok=True)
        _clear(folder)
        _check_room(side)
        made_at = now()
        expected, seq = _copy(cursor, part)
        _sync(part)
        if read_copy(part) != expected:
            raise WorkspaceError(
                "The copy does not hold what the workspace holds.", code="BACKUP_NOT_VERIFIED",
                hint="Nothing was replaced. Check the disk, and try again.",
            )  # fmt: skip
        one = Backup(
            file=folder / f"{name}.duckdb",
            made_at=made_at.isoformat(),
            verified_at=now().isoformat(),
            seq=seq,
            rows=sum(rows for rows, _ in expected.values()),
            bytes=part.stat().st_size,
            sha256=_sha256(part),
        )
        _name(part, one, expected)
        return one
    finally:
        _clear(folder)
        _ONE_AT_A_TIME.release()


def read_copy(file: Path) -> Fingerprint:
    """Open a copy in a process of its own, and read every table of it.

    Raises:
        WorkspaceError: ``BACKUP_NOT_VERIFIED``: it does not open, or a part cannot be read.
    """
    try:
        done = subprocess.run(  # noqa: S603  our own script
            [sys.executable, "-I", str(_CHILD), str(file)],
            capture_output=True, timeout=PATIENCE, check=False, env={"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _unread(file, "reading it takes too long") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise _unread(file, lines[-1][:300] if lines else f"code {done.returncode}")
    return {name: (rows, told) for name, (rows, told) in json.loads(done.stdout).items()}


def backups_in(side: Path) -> list[Backup]:
    """The verified copies of a workspace, the newest first; reads no copy."""
    found = []
    for told in (side / FOLDER).glob("*.duckdb.json"):
        with suppress(
            OSError, ValueError, TypeError, KeyError
        ):  # torn or gone: no copy to count on
            body = json.loads(told.read_text(encoding="utf-8"))
            one = Backup(file=told.with_suffix(""), **{name: body[name] for name in TOLD})
            if one.file.stat().st_size == one.bytes:
                found.append(one)
    return sorted(found, key=lambda one: (one.seq, one.made_at), reverse=True)


def rotate(side: Path, prefix: str) -> list[Path]:
    """Remove all but the newest ``KEPT`` of the copies whose names begin with a prefix."""
    ours = [one for one in backups_in(side) if one.file.name.startswith(prefix)]
    gone = [one.file for one in ours[KEPT:]]
    for file in gone:
        file.unlink(missing_ok=True)
        Path(f"{file}.json").unlink(missing_ok=True)
    return gone


def stamp(now: datetime) -> str:
    """A moment as a part of a file's name: ``20261128T030000Z``."""
    return f"{now:%Y%m%dT%H%M%S}Z"


def _copy(cursor: duckdb.DuckDBPyConnection, part: Path) -> tuple[Fingerprint, int]:
    """Copy one snapshot, and tell what is in it and its last commit."""
    cursor.execute(
        f"ATTACH {quoted(str(part))} AS backup (STORAGE_VERSION '{STORAGE_VERSION}')"
    )
    try:
        cursor.execute("BEGIN")
        try:
            found = fingerprint(cursor)
            row = cursor.execute("SELECT max(seq) FROM upshot.commit_log").fetchone()
            cursor.execute("COPY FROM DATABASE upshot TO backup")
            cursor.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):
                cursor.execute("ROLLBACK")
            raise
        cursor.execute("CHECKPOINT backup")
    finally:
        cursor.execute("DETACH backup")
    return found, int(row[0] or 0) if row else 0


def _name(part: Path, one: Backup, held: Fingerprint) -> None:
    """Give a verified copy its name, and write beside it what it is."""
    told = Path(f"{one.file}.json")
    told.unlink(missing_ok=True)  # a copy without it is none
    part.replace(one.file)
    body: dict[str, object] = {name: getattr(one, name) for name in TOLD}
    fresh = Path(f"{one.file}.part")
    fresh.write_text(json.dumps(body | {"tables": held}, indent=1), encoding="utf-8")
    _sync(fresh)
    fresh.replace(told)
    _sync(told.parent)


def _check_room(side: Path) -> None:
    """The copy may not fill the disk that the workspace itself needs."""
    file = side.with_suffix(".duckdb")
    needed = sum(one.stat().st_size for one in (file, Path(f"{file}.wal")) if one.exists())
    if shutil.disk_usage(side).free < needed + ROOM:
        raise BusyError(
            "There is no room on the disk for a backup.",
            hint=f"Make {(needed + ROOM) // 1_000_000 + 1:,} MB free, and try again.",
        )


def _clear(folder: Path) -> None:
    """Remove what was not verified."""
    for left_over in folder.glob("*.part*"):
        left_over.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _unread(file: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"{file.name} cannot be read as a workspace: {why}.", code="BACKUP_NOT_VERIFIED"
    )
