"""Run every simulation and write docs/calibration.md with its pictures.

    python -m tests.calibration.run

Exits with 1 if a figure is not where it must be.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from tests.calibration import pictures, report, runner, studies
from tests.calibration.study import Study

COMMAND = "python -m tests.calibration.run"
SEED = 20261124


def main() -> int:
    options = _options()
    runs = partial(studies.runs, usual=options.runs, traffic=2 * options.runs)
    started = time.monotonic()
    outcomes = runner.run(
        studies.ALL, runs, options.seed, workers=options.workers, progress=_say
    )
    now = report.Circumstances(
        date=datetime.now(UTC).date().isoformat(),
        versions=_versions(),
        command=f"{COMMAND} --seed {options.seed} --runs {options.runs}",
        seed=options.seed,
        runs=options.runs,
        traffic_runs=2 * options.runs,
        minutes=(time.monotonic() - started) / 60,
        processor_minutes=_processor_seconds() / 60,
    )
    options.docs.mkdir(parents=True, exist_ok=True)
    pictures.draw(outcomes, options.docs / "pictures")
    page = report.page(outcomes, now)
    (options.docs / "calibration.md").write_text(page, encoding="utf-8")
    wrong = report.unexpected(outcomes)
    for study, figure in wrong:
        sys.stderr.write(f"not where it must be: {study.name}: {figure}\n")
    return 1 if wrong else 0


def _processor_seconds() -> float:
    """Time on processors of this process and of its workers, which have ended."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, both))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--runs", type=int, default=10_000, help="experiments per study")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    return parser.parse_args()


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("upshot", "numpy", "scipy"))
    return f"{packages}, Python {platform.python_version()}"


def _say(study: Study) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {study.name}\n")


if __name__ == "__main__":
    sys.exit(main())
