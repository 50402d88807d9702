"""One measured task per process, so that peak memory is that of the task alone.

``python -m bench.tasks TASK CSV FOLDER`` prints its figures as one line of JSON.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from bench import browser, peers, scorecard
from experiments_core.analysis.engine import analyze
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.services import (
    analyses,
    experiments,
    ingestion,
    readings,
    samples,
    workspace,
)
from experiments_core.services.workspace import Workspace
from experiments_core.settings import Settings

ANALYSES = 31


def main() -> None:
    """Run the task that was named."""
    name, csv, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    more = [int(text) for text in sys.argv[4:]]
    figures = TASKS[name](csv, folder, *more)
    figures["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


def bare_load(csv: Path, folder: Path) -> dict[str, float]:
    """``read_csv`` into a table."""
    start = time.perf_counter()
    peers.bare_load(csv, folder / "bare.duckdb")
    return {"seconds": time.perf_counter() - start}


def our_import(csv: Path, folder: Path) -> dict[str, float]:
    """Receive, check and commit a file, every row accounted for."""
    file = folder / f"{csv.stem}.duckdb"
    for old in (file, file.with_name(f"{file.name}.wal")):
        old.unlink(missing_ok=True)
    shutil.rmtree(file.with_suffix(".d"), ignore_errors=True)  # the texts of earlier turns
    with open_file(file) as ws:
        start = time.perf_counter()
        load(ws, csv)
        return {"seconds": time.perf_counter() - start}


def analysis(csv: Path, folder: Path) -> dict[str, float]:
    """Results with all checks, and the bare query, in turns on the same table.

    Each turn begins with a commit, so that nothing is kept that a reader after an import would
    not have; then the results are read once more, as somebody who comes later does.
    """
    with open_file(folder / f"{csv.stem}.duckdb") as ws:
        experiment = experiments.list_experiments(ws, LOCAL)[0]
        with ws.db.read() as cursor:
            row = cursor.execute("SELECT table_name, columns FROM datasets").fetchone()
        table, known = row or ("", "[]")
        columns = {one["name"]: one["column"] for one in json.loads(known)}
        bare, full, again = zip(
            *(_analysis_turn(ws, experiment, table, columns) for _ in range(ANALYSES)),
            strict=True,
        )
        start = time.perf_counter()
        analyses.look(ws, LOCAL, experiment.id)
        stored = time.perf_counter() - start
    medians = {"ours": full, "bare": bare, "again": again}
    return {name: median(times) for name, times in medians.items()} | {"look": stored}


def _analysis_turn(
    ws: Workspace, experiment: Experiment, table: str, columns: dict[str, str]
) -> tuple[float, float, float]:
    """Seconds of the bare query, of our analysis after a commit, and of the same again."""
    with ws.db.write():
        pass

    with ws.db.read() as cursor:

        def ours() -> object:
            data = readings.data_of(ws.db, cursor, experiment)
            reading = readings.read(experiment, data, now=ws.now())
            cells = readings.fetch(cursor, reading).cells
            return analyze(cells, reading.design, reading.quality, data_hash="")

        bare = timed(lambda: peers.bare_moments(cursor, table, columns))
        return bare, timed(ours), timed(ours)


def open_file(file: Path) -> Workspace:
    """Open a workspace with the limits that a server has."""
    return workspace.open_workspace(file, settings=Settings(workspace=file))


def load(ws: Workspace, csv: Path) -> None:
    """The import as a person does it: proposal, the open questions, check, commit."""
    draft = ingestion.receive(ws, LOCAL, csv, csv.name)
    mapping = replace(draft.detection.proposal, control="control", finished=True)
    ingestion.commit_as_new(ws, LOCAL, draft.import_id, mapping, name="Bench")


def rerun(_csv: Path, folder: Path, turns: int) -> dict[str, float]:
    """One rerun of the Results page of a sample, and of an empty page."""
    from streamlit.testing.v1 import AppTest  # noqa: PLC0415  only this task loads it

    file = folder / "samples.duckdb"
    samples.start(Settings(workspace=file, sample=True))
    blank = folder / "blank.py"
    blank.write_text("import streamlit as st\nst.title('Empty')\n", encoding="utf-8")
    page = AppTest.from_file(str(Path("pages/results.py").resolve()), default_timeout=60)
    page.query_params["exp"] = "shorter-checkout"
    empty = AppTest.from_file(str(blank), default_timeout=60)
    page.run()
    empty.run()
    times = [(timed(page.run), timed(empty.run)) for _ in range(turns)]
    workspace.stop()
    full, bare = (sorted(one)[turns // 2] for one in zip(*times, strict=True))
    return {"results": full, "empty": bare}


def tea_file(csv: Path, _folder: Path) -> dict[str, float]:
    """tea-tasting from the same file."""
    from pyarrow import csv as arrow_csv  # noqa: PLC0415  only this peer's process loads it

    peers.warm_tea_tasting()
    start = time.perf_counter()
    table = arrow_csv.read_csv(csv)
    read = time.perf_counter() - start
    analyse = timed(lambda: peers.tea_tasting_table(table))
    return {"seconds": read + analyse, "analyse": analyse}


def with_pandas(csv: Path, _folder: Path) -> dict[str, float]:
    """Pandas and statsmodels on a frame in memory."""
    import pandas as pd  # noqa: PLC0415  as above

    frame = pd.read_csv(csv)
    peers.pandas_statsmodels(frame.head(1000))
    return {"analyse": timed(lambda: peers.pandas_statsmodels(frame))}


def timed(work: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    "browser": lambda _csv, folder, turns: browser.measure(folder, turns),
    "rerun": rerun,
    "scorecard": lambda _csv, _folder, units: scorecard.measure(units),
    "bare_load": bare_load,
    "import": our_import,
    "analysis": analysis,
    "tea_file": tea_file,
    "pandas": with_pandas,
}


if __name__ == "__main__":
    main()
