"""Kill an import at many moments; what is in the workspace afterwards?

    python -m tests.reliability.import_kills --rows 5000000 --kills 10

Prints one line per kill and a JSON report; exits with 1 unless every round left all of the
file or nothing of it. Every second kill comes while the transaction is written, or just after.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from experiments_core.domain.access import LOCAL
from experiments_core.services import ingestion
from experiments_core.services.workspace import open_workspace

SEED = 20261128
PATIENCE = 600.0
AROUND_COMMIT = 0.06  # seconds after the transaction has begun
CHILD = """
import sys
from experiments_core.domain.access import LOCAL
from experiments_core.services.import_choices import Choices
from experiments_core.services.import_run import ImportRequest, run_import
from experiments_core.services.workspace import open_workspace

def told(share, what):
    print(what, flush=True)

choices = Choices(finished=True, accept_defaults=True)
with open_workspace(sys.argv[1]) as ws:
    request = ImportRequest(inbox="big.csv", choices=choices, new_name=sys.argv[2])
    outcome = run_import(ws, LOCAL, request, progress=told)
    print("END", outcome.state, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Left:
    """What one kill left.

    Attributes:
        after: Seconds from the start of the process to the kill.
        stage: What the import said last.
        rows: Rows among the facts.
        whole: All of the file is there.
        nothing: Nothing of it is there.
        told: The workspace says which of the two it is.
        reopened: Seconds that opening took.
        litter: Staging tables that are still there.
    """

    after: float
    stage: str
    rows: int
    whole: bool
    nothing: bool
    told: bool
    reopened: float
    litter: int

    @property
    def good(self) -> bool:
        """All or nothing, and the workspace says so."""
        return self.whole != self.nothing and self.told and not self.litter


def write_rows(inbox: Path, rows: int) -> None:
    """A clean file of units; about 30 bytes a row."""
    inbox.mkdir(parents=True, exist_ok=True)
    with (inbox / "big.csv").open("w", encoding="ascii") as out:
        out.write("user_id,variant,converted,revenue\n")
        for start in range(0, rows, 100_000):
            out.writelines(
                f"u{n:09d},{'ab'[n % 2]},{int(n % 9 == 0)},{n % 1000 / 4}\n"
                for n in range(start, min(rows, start + 100_000))
            )


def start(workspace: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(workspace), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run_whole(workspace: Path) -> float:
    """Seconds of an import that nobody stops."""
    begun = time.monotonic()
    with start(workspace, "Uninterrupted") as child:
        said, _ = child.communicate(timeout=PATIENCE)
    assert said.split("\n")[-2] == "END committed", said
    return time.monotonic() - begun


def kill_after(workspace: Path, name: str, seconds: float, rows: int) -> Left:
    """Kill at a moment, wherever that is."""
    begun = time.monotonic()
    with start(workspace, name) as child:
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        after = time.monotonic() - begun
        assert child.stdout is not None
        said = child.stdout.read().split("\n")
    return look(workspace, name, after, [line for line in said if line], rows)


def kill_in(
    workspace: Path,
    name: str,
    stage: str,
    seconds: float,
    rows: int,
    how: signal.Signals = signal.SIGKILL,
) -> Left:
    """End it so many seconds after the import has said what it does."""
    begun, said = time.monotonic(), []
    with start(workspace, name) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line.strip())
            if line.startswith(stage):
                break
        time.sleep(seconds)
        child.send_signal(how)
        after = time.monotonic() - begun
        said += [line for line in child.stdout.read().split("\n") if line]
    assert any(line.startswith(stage) for line in said), said
    return look(workspace, name, after, said, rows)


def look(workspace: Path, name: str, after: float, said: Sequence[str], rows: int) -> Left:
    """Open the workspace and say what is there; a whole import is undone again."""
    begun = time.monotonic()
    with open_workspace(workspace) as ws:
        reopened = time.monotonic() - begun
        with ws.db.read() as cursor:
            tables = [row[0] for row in cursor.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot'"
            ).fetchall()]  # fmt: skip
            counts = [
                (cursor.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0]
                for table in tables
                if table.startswith("units_")
            ]
            made = cursor.execute(
                "SELECT id FROM experiments WHERE name = ? AND deleted_at IS NULL", [name]
            ).fetchall()
        ids = [one for (one,) in made]
        kept = [r for one in ids for r in ingestion.imports_of(ws, LOCAL, one)]
        committed = [one for one in kept if one.state == "committed"]
        waiting = ingestion.unfinished(ws, LOCAL)
        litter = sum(table.startswith("staging_") for table in tables)
        found = sum(counts)
        whole = found == rows and len(ids) == 1
        nothing = found == 0 and not ids
        told = len(committed) == 1 if whole else not committed
        if nothing and any(line.startswith("Reading") for line in said):
            told = told and [one.file_name for one in waiting] == ["big.csv"]
        for one in committed:
            ingestion.undo(ws, LOCAL, one.id)
        for one in waiting:
            ingestion.discard(ws, LOCAL, one.id)
    stage = said[-1] if said else "Starting"
    return Left(after, stage, found, whole, nothing, told, reopened, litter)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311  moments to kill at
    with tempfile.TemporaryDirectory() as folder:
        measured, workspace = Path(folder) / "measured", Path(folder) / "killed"
        write_rows(measured / "inbox", options.rows)
        workspace.mkdir()
        (workspace / "inbox").symlink_to(measured / "inbox")
        whole = run_whole(measured)
        sys.stdout.write(f"{options.rows:,} rows, uninterrupted: {whole:.1f} s\n")
        found = []
        for number in range(options.kills):
            name = f"Killed {number}"
            if number % 2:
                pause = rng.uniform(0, AROUND_COMMIT)
                left = kill_in(workspace, name, "Importing", pause, options.rows)
            else:
                seconds = whole * (number + rng.random()) / options.kills
                left = kill_after(workspace, name, seconds, options.rows)
            found.append(left)
            word = "all" if left.whole else "nothing" if left.nothing else "A PART"
            sys.stdout.write(
                f"kill {number + 1} after {left.after:.1f} s ({left.stage}): {word} of it, "
                f"open again in {left.reopened:.2f} s{'' if left.good else '  NOT GOOD'}\n"
            )
            sys.stdout.flush()
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "rows": options.rows,
        "seed": options.seed,
        "uninterrupted_s": round(whole, 1),
        "kills": [asdict(one) for one in found],
        "half_imports": sum(not (one.whole or one.nothing) for one in found),
        "not_good": sum(not one.good for one in found),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if report["not_good"] else 0


if __name__ == "__main__":
    sys.exit(main())
