"""Tell the story of the simulated product at full size: ``python -m bench.story [USERS]``.

200,000 users over 28 days through the client, against a server in a process of its own; at the
end what Upshot says is held against what the product did.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.events import server
from bench.product import AFTER, DAYS, KEY, LIFT, Product, Truth, prepare
from experiments_core.client import Client
from experiments_core.domain.access import LOCAL
from experiments_core.services import analyses, inspecting
from experiments_core.services.workspace import open_workspace

USERS = 200_000


def main(users: int) -> int:
    """Run it; 0 when every count agrees and the planted lift is inside the interval."""
    start = datetime.now(UTC) - timedelta(days=DAYS + 9)
    with tempfile.TemporaryDirectory(prefix="upshot-story-") as name:
        path = Path(name) / "upshot.duckdb"
        key = prepare(path, start)
        began = time.perf_counter()
        with (
            server(path) as port,
            Client(f"http://127.0.0.1:{port}", key, batch=5_000) as client,
        ):

            def change_split() -> None:
                client.flush(600)
                client.change_traffic(KEY, AFTER, "The new version looks fine.")

            truth = Product(client, users, start).run(change_split)
        print(f"{users:,} users, {truth.events:,} events, {time.perf_counter() - began:,.0f} s")
        return compare(path, truth)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def compare(path: Path, truth: Truth) -> int:
    """Hold what Upshot says against the truth; how many things differ."""
    with open_workspace(path) as ws:
        began = time.perf_counter()
        view = analyses.look(ws, LOCAL, KEY)
        print(f"first look {time.perf_counter() - began:.2f} s: {view.result.verdict.text}")
        with ws.db.read() as cursor:
            ((stored,),) = cursor.execute("SELECT count(*) FROM events").fetchall()
    cells = {(key.phase or 1, key.arm): cell.units for key, cell in view.cells.items()}
    crossed = next(c for c in view.result.health if c.check == "crossed_units").facts["units"]
    found = inspecting.contrast_of(view.result, "paid", "treatment")
    low, high = found.relative_lift_ci_lower, found.relative_lift_ci_upper
    checks = {
        "events counted once": stored == truth.events,
        "units per phase and arm": cells == dict(truth.units),
        "crossovers named": crossed == len(truth.crossed),
        "planted lift inside": isinstance(low, float)
        and isinstance(high, float)
        and low < LIFT < high,
    }
    for what, holds in checks.items():
        print(f"  {'yes' if holds else 'NO '} {what}")
    return sum(not holds for holds in checks.values())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else USERS))
