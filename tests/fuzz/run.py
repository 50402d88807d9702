"""Read many changed files and print the figures: ``python -m tests.fuzz.run FILES SEED``."""

from __future__ import annotations

import sys
import time

from experiments_core.services.workspace import open_workspace
from tests.fuzz.files import run

BATCH = 500


def main(count: int, seed: int) -> int:
    """Print outcomes per batch and in all; 1 when anything went wrong."""
    begun = time.monotonic()
    faults: list[str] = []
    outcomes: dict[str, int] = {}
    slowest = 0.0
    for batch in range(0, count, BATCH):
        with open_workspace(":memory:") as ws:
            tally = run(ws, min(BATCH, count - batch), seed + batch)
        faults += tally.faults
        slowest = max(slowest, tally.slowest)
        for name, number in tally.outcomes.items():
            outcomes[name] = outcomes.get(name, 0) + number
        print(f"{batch + BATCH:>7,} files: {outcomes}, {len(faults)} faults", flush=True)
    print(f"{count:,} files, seed {seed}, {time.monotonic() - begun:,.0f} s")
    for name, number in sorted(outcomes.items()):
        print(f"  {name:<10} {number:>9,}")
    print(f"  slowest    {slowest:>9.1f} s")
    print(f"  faults     {len(faults):>9,}")
    for fault in faults[:50]:
        print(f"    {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    told = [int(text) for text in sys.argv[1:]]
    raise SystemExit(main(*(told + [20_000, 1][len(told) :])))
