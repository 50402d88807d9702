"""Kill a server under event load, again and again: ``python -m bench.kills [ROUNDS]``.

A client sends with retries all the while. At the end every acknowledged event has to be there,
and none twice; the exit code tells.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.events import free_port, start
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
        sent, acknowledged = storm(path, free_port(), key, rounds)
        with open_workspace(path) as ws, ws.db.read() as cursor:
            rows = cursor.execute("SELECT event_id, count(*) FROM events GROUP BY 1").fetchall()
    lost = len(set(sent) - {event for event, _ in rows})
    twice = sum(n > 1 for _, n in rows)
    print(f"{rounds} kills, {acknowledged:,} acknowledged, lost {lost}, twice {twice}")
    return 1 if lost or twice or acknowledged != len(sent) else 0


def storm(
    path: Path, port: int, key: str, rounds: int, *, between: int = 500
) -> tuple[list[str], int]:
    """Send while the server is killed; give the ids sent and how many were acknowledged.

    Args:
        path: The workspace.
        port: Where it is served, again and again.
        key: Of the sender.
        rounds: Kills.
        between: Events acknowledged from one kill to the next.
    """
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
            while client.acknowledged < before + between:
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


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
