"""Kill a server under event load, again and again: ``python -m bench.kills [ROUNDS]``.

A client sends with retries all the while. At the end every acknowledged event has to be there,
and none twice; the exit code tells.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.events import LIMITS
from bench.product import KEY, prepare
from experiments_core.client import Client
from experiments_core.services.workspace import open_workspace

ROUNDS = 20
MOST_WAITING = 5_000


def main(rounds: int) -> int:
    """Run the rounds; 0 when nothing was lost and nothing counted twice."""
    with tempfile.TemporaryDirectory(prefix="upshot-kills-") as name:
        path = Path(name) / "upshot.duckdb"
        key = prepare(path, datetime.now(UTC) - timedelta(days=1))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        sent, acknowledged = storm(path, port, key, rounds)
        with open_workspace(path) as ws, ws.db.read() as cursor:
            rows = cursor.execute("SELECT event_id, count(*) FROM events GROUP BY 1").fetchall()
    lost = len(set(sent) - {event for event, _ in rows})
    twice = sum(n > 1 for _, n in rows)
    print(f"{rounds} kills, {acknowledged:,} acknowledged, lost {lost}, twice {twice}")
    return 1 if lost or twice or acknowledged != len(sent) else 0


def storm(path: Path, port: int, key: str, rounds: int) -> tuple[list[str], int]:
    """Send while the server is killed; give the ids sent and how many were acknowledged."""
    stop, sent = threading.Event(), list[str]()
    process = start(path, port)
    client = Client(f"http://127.0.0.1:{port}", key, batch=200, linger=0.01, timeout=10)

    def load() -> None:
        while not stop.is_set():
            if len(sent) - client.acknowledged > MOST_WAITING:
                time.sleep(0.01)
                continue
            number = len(sent)
            sent.append(client.expose(KEY, f"u{number}", event_id=f"e{number}"))
            time.sleep(0.0005)

    sender = threading.Thread(target=load)
    sender.start()
    try:
        for turn in range(rounds):
            before = client.acknowledged
            while client.acknowledged < before + 500:
                time.sleep(0.01 * (1 + turn % 7))
            process.kill()
            process.wait(30)
            process = start(path, port)
            print(f"  kill {turn + 1} of {rounds}: {client.acknowledged:,}", flush=True)
        stop.set()
        sender.join()
        client.close(120)
    finally:
        stop.set()
        process.send_signal(signal.SIGINT)
        process.wait(60)
    return sent, client.acknowledged


def start(path: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers."""
    environment = {
        **os.environ, "UPSHOT_WORKSPACE": str(path), "UPSHOT_RATE_LIMITS": LIMITS,
    }  # fmt: skip
    command = [sys.executable, "-m", "experiments_core", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=2):
                return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError("the server did not come up")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
