"""Run studies in blocks over worker processes. The same seed gives the same figures."""

from __future__ import annotations

import multiprocessing
import os
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np

from tests.calibration.studies import ALL
from tests.calibration.study import Outcome, Study

BLOCK = 100
"""Runs that share one random generator, whatever the number of workers."""


def run(
    studies: Sequence[Study],
    runs: Callable[[Study], int],
    seed: int,
    *,
    workers: int = 2,
    progress: Callable[[Study], None] = lambda _: None,
) -> dict[str, Outcome]:
    """Simulate each study; outcomes by name.

    Args:
        studies: Of :data:`tests.calibration.studies.ALL` (workers look them up by name).
        runs: How many experiments of a study, a multiple of :data:`BLOCK`.
        seed: Of everything.
        workers: Processes.
        progress: Told when a study is complete.
    """
    fresh = multiprocessing.get_context("spawn")
    outcomes: dict[str, Outcome] = {}
    with ProcessPoolExecutor(
        workers, mp_context=fresh, initializer=_end_with_the_parent
    ) as pool:
        waiting = [
            (study, [pool.submit(block, study.name, seed, number)
                     for number in range(runs(study) // BLOCK)])
            for study in studies
        ]  # fmt: skip
        for study, blocks in waiting:
            outcomes[study.name] = sum((one.result() for one in blocks), Outcome())
            progress(study)
    return outcomes


def block(name: str, seed: int, number: int) -> Outcome:
    """Simulate one block of a study."""
    study = _by_name()[name]
    rng = np.random.default_rng([seed, zlib.crc32(study.world.encode()), number])
    return study.simulate(rng, BLOCK)


def _end_with_the_parent() -> None:
    """Whoever is killed leaves no workers behind that simulate for nobody."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@cache
def _by_name() -> dict[str, Study]:
    return {study.name: study for study in ALL}
