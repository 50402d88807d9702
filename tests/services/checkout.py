"""A test of a shorter checkout and its rows, for what looks at results."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft, Plan, VariantDraft
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.services import acting, experiments, ingestion
from experiments_core.services.workspace import Workspace

START = datetime(2026, 5, 1, tzinfo=UTC)
METRICS = (Proportion("converted"), Mean("revenue", role="secondary"))


def rows(
    count: int, *, first: int = 0, days: int = 10, lift: float = 0.0, country: bool = True
) -> list[str]:
    """Units in turn, one control and one B, over some days from the first of May."""
    lines = []
    for i in range(first, first + count):
        arm = "control" if i % 2 == 0 else "B"
        moment = START + timedelta(days=days) * (i - first) / count
        rate = 20 * (1 + lift if arm == "B" else 1)
        hit = int((i // 2 * 37) % 100 < rate)
        place = f",{('DE', 'FR', '')[i % 3]}" if country else ""
        lines.append(f"u{i},{arm},{moment:%Y-%m-%d %H:%M:%S},{hit},{hit * (5 + i % 7)}{place}")
    return lines


def upload(
    ws: Workspace, experiment: Experiment | None, lines: Iterable[str], **told: object
) -> str:
    """Bring rows in as a person would; the id of the import."""
    text = "user_id,variant,first_seen,converted,revenue,country\n" + "\n".join(lines) + "\n"
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(text.encode()), "data.csv",
        experiment_id=experiment.id if experiment else None,
    )  # fmt: skip
    mapping = replace(draft.detection.proposal, control="control", finished=False, **told)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert not report.questions
    ingestion.commit(ws, LOCAL, draft.import_id, mode="good_rows")
    return draft.import_id


def make(
    ws: Workspace, *, metrics: tuple[Metric, ...] = METRICS, plan: Plan | None = None
) -> Experiment:
    draft = ExperimentDraft(
        name="Shorter checkout",
        variants=(VariantDraft("control", "Old"), VariantDraft("B", "New")),
        metrics=metrics,
        plan=plan or Plan(planned_units=4000, min_runtime_days=7),
    )
    made = experiments.create_experiment(ws, LOCAL, draft, at=START)
    return acting.transition(ws, LOCAL, made.id, "start", version=made.version, at=START)


def views(ws: Workspace) -> list[tuple[int, int]]:
    with ws.db.read() as cursor:
        return cursor.execute("SELECT no, views FROM looks ORDER BY no").fetchall()
