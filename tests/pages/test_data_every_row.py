"""“Every row” of a column, chosen in the table of columns: what a quantile then rests on."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.metric_kinds import Quantile
from experiments_core.services import analyses, experiments, ingestion
from experiments_core.services.workspace import Workspace
from tests.charts.figures import plain
from tests.pages.test_data import button, drop, only_experiment, reply
from tests.pages.words import tables

Open = Callable[..., AppTest]
P90 = Quantile("toll", 0.9, key="p90", role="secondary")


def edit(app: AppTest, row: int, **cells: str) -> AppTest:
    """Change cells of the table of columns, by what the browser sends for it."""
    table = next(one for one in app.dataframe if "Use as" in one.value.columns)
    sent = {"edited_rows": {row: cells}, "added_rows": [], "deleted_rows": []}
    states = app._tree.get_widget_states()
    states.widgets.append(WidgetState(id=table.proto.id, string_value=json.dumps(sent)))
    return app._run(states)


def test_a_quantile_is_that_of_the_rows_once_every_row_is_chosen(
    ws: Workspace, open_page: Open
):
    draw, costs = random.Random(4), {"control": [], "B": []}  # noqa: S311
    lines = ["user_id,variant,seen_at,paid,toll"]
    for number in range(300):
        arm = ("control", "B")[number % 2]
        for _ in range(1 + number % 5):
            costs[arm].append(round(draw.lognormvariate(0.1 * (arm == "B"), 0.8), 2))
            seen = f"2026-05-{1 + number % 9:02d} 10:00:00"
            lines.append(f"u{number},{arm},{seen},{number % 3 == 0:d},{costs[arm][-1]}")
    app = drop(open_page("data"), "\n".join([*lines, ""]).encode())
    app = reply(app, "Converted at least once; numbers added up")
    place = lines[0].split(",").index("toll")
    app = edit(app, place, **{"Of several": "Every row"})
    assert not app.exception
    assert app.session_state["data-draft"].mapping.columns[place].repeats == "rows"
    app = reply(app, "Yes")
    button(app, "Import 900 rows").click().run()
    assert not app.exception
    made = only_experiment(ws)
    (record,) = ingestion.imports_of(ws, LOCAL, made.id)
    assert (record.rows_read, record.rows_used) == (900, 900)
    changes = {"metrics": [*made.metrics, P90]}
    experiments.edit_experiment(ws, LOCAL, made.id, changes, version=made.version)
    metric = analyses.look(ws, LOCAL, made.id).result.metric("p90")
    for arm, values in costs.items():
        assert metric.arm(arm).value == pytest.approx(np.quantile(values, 0.9), rel=1e-12)
        assert metric.arm(arm).n == 150
    app = open_page("results", exp=made.slug)
    assert not app.exception
    shown = {plain(str(row["Value"])).replace("\\", "") for _, row in tables(app)[0].iterrows()}
    assert any(f"{np.quantile(costs['B'], 0.9):.2f}" in one for one in shown)
