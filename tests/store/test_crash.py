"""A process killed at any moment loses no row that it had acknowledged."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments_core.store.opening import open_database

ROUNDS = 12
WRITE_FOR_EVER = """
import sys
from experiments_core.store.opening import open_database
db = open_database(sys.argv[1])
i = int(sys.argv[2])
while True:
    with db.write() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('x', ?)", [str(i)])
        if i % 7 == 0:
            cursor.execute(f"CREATE TABLE units_{i} AS SELECT range AS line FROM range(20000)")
            cursor.execute(f"ALTER TABLE units_{i} ADD COLUMN c0 DOUBLE")
    print(i, flush=True)
    i += 1
"""


def test_kill_9_while_writing_loses_nothing_acknowledged(tmp_path: Path):
    file, next_number, acknowledged = tmp_path / "w.duckdb", 0, []
    rng = random.Random(20260504)  # noqa: S311  moments to kill at
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", WRITE_FOR_EVER, str(file), str(next_number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged.append(int(writer.stdout.readline()))
            time.sleep(rng.uniform(0.02, 0.25))
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split("\n")[
                :-1
            ]  # a torn last line was not acknowledged
            acknowledged += [int(line) for line in rest]
        with open_database(file) as db, db.read() as cursor:
            rows = cursor.execute("SELECT value FROM meta WHERE name = 'x'").fetchall()
            stored = sorted(int(value) for (value,) in rows)
            assert set(acknowledged) <= set(stored)
            assert stored == list(range(len(stored)))  # and nothing twice, nothing half
            commits = cursor.execute("SELECT max(seq) FROM commit_log").fetchone()
            assert commits == (len(stored),)
        next_number = len(stored)
    assert next_number > ROUNDS


def test_kill_9_while_the_file_is_made_leaves_one_that_opens(tmp_path: Path):
    rng = random.Random(7)  # noqa: S311  moments to kill at
    for i in range(ROUNDS):
        file = tmp_path / str(i) / "w.duckdb"
        command = [sys.executable, "-c", WRITE_FOR_EVER, str(file), "0"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as writer:
            while not (tmp_path / str(i) / "w.d" / "lock").exists():
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.06))
            writer.send_signal(signal.SIGKILL)
        with open_database(file) as db, db.read() as cursor:
            assert cursor.execute("SELECT count(*) FROM experiments").fetchone() == (0,)


def test_ctrl_c_leaves_a_clean_file(tmp_path: Path):
    file = tmp_path / "w.duckdb"
    script = WRITE_FOR_EVER.replace(
        "while True:", "import atexit; atexit.register(db.close)\nwhile True:"
    )
    command = [sys.executable, "-c", script, str(file), "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGINT)
        writer.stdout.read()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.d", "w.duckdb"]
    with open_database(file) as db, db.read() as cursor:
        assert cursor.execute("SELECT count(*) > 0 FROM meta WHERE name = 'x'").fetchone() == (
            True,
        )
