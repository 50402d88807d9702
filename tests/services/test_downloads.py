import csv
import io
import json
from typing import Any

import pytest

from experiments_core.analysis.body import to_dict
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import NotFoundError
from experiments_core.services import downloads, exploring, ingestion
from experiments_core.services.analyses import look
from experiments_core.services.choosing import choose
from experiments_core.services.experiments import list_experiments
from experiments_core.services.import_choices import Choices
from experiments_core.services.planning_baseline import baseline_of
from experiments_core.services.samples import load_samples
from experiments_core.services.workspace import Workspace
from tests.services.conftest import Clock

ROWS = "".join(
    f"u{i},{'=evil()' if i % 2 else 'control'},{int(i % 9 < 1 + i % 2)},{i % 7}.5,"
    f"2026-05-{1 + i % 9:02d}\n"
    for i in range(3000)
)


@pytest.fixture
def experiment(ws: Workspace) -> Experiment:
    text = "user_id,group,converted,revenue,first_seen\n" + ROWS
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), "test.csv")
    choices = Choices(outcomes=("converted",), values=("revenue",), finished=True)
    mapping = choose(draft.detection, choices)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert report.questions == ()
    made = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="Checkout")
    ingestion.commit(ws, LOCAL, draft.import_id)
    return made


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def run(notebook: bytes) -> dict[str, Any]:
    """Execute every cell, in order, and give the notebook back."""
    body: dict[str, Any] = json.loads(notebook)
    names: dict[str, object] = {}
    for cell in body["cells"]:
        if cell["cell_type"] == "code":
            exec(compile(cell["source"], "cell", "exec"), names)  # noqa: S102
    return body


def test_the_csv_holds_the_numbers_of_the_page(ws: Workspace, experiment: Experiment):
    found = rows(downloads.csv_of(look(ws, LOCAL, experiment.id)))
    result = look(ws, LOCAL, experiment.id).result
    assert len(found) == 4
    assert int(found[0]["n"]) == result.metrics[0].arms[0].n
    contrast = result.metrics[0].arms[1].contrast
    assert contrast is not None
    assert float(found[1]["p_value"]) == contrast.p_value
    assert found[1]["variant"] == "'=evil()"
    machine = downloads.csv_of(look(ws, LOCAL, experiment.id), for_spreadsheet=False)
    assert rows(machine)[1]["variant"] == "=evil()"


def test_the_json_is_the_results_body(ws: Workspace, experiment: Experiment):
    body = json.loads(downloads.json_of(look(ws, LOCAL, experiment.id)))
    assert body == json.loads(json.dumps(to_dict(look(ws, LOCAL, experiment.id).result)))


def test_the_notebook_recomputes_its_look(ws: Workspace, experiment: Experiment):
    body = run(downloads.notebook_of(ws, LOCAL, look(ws, LOCAL, experiment.id)))
    assert "Look 1" in body["cells"][0]["source"]
    assert "GROUP BY" in body["cells"][-1]["source"]
    told = body["cells"][4]["source"]
    assert "converted / =evil() / bayes / probability_better" in told
    assert "converted / =evil() / holds in" in told


def test_the_notebook_believes_what_it_is_told_to(ws: Workspace, experiment: Experiment):
    view = look(ws, LOCAL, experiment.id)
    priors = [prior for _, prior in exploring.PRIORS.values()]
    made = {downloads.notebook_of(ws, LOCAL, view, prior) for prior in priors}
    assert len(made) == len(priors)
    for notebook in made:
        run(notebook)


def test_a_notebook_has_no_sheet_of_rows_that_are_gone(ws: Workspace, experiment: Experiment):
    view = look(ws, LOCAL, experiment.id)
    (record,) = ingestion.imports_of(ws, LOCAL, experiment.id)
    ingestion.undo(ws, LOCAL, record.id)
    body = run(downloads.notebook_of(ws, LOCAL, view))
    assert "holds in" not in body["cells"][4]["source"]


def test_the_report_reads_like_the_page(ws: Workspace, experiment: Experiment):
    page = downloads.html_of(look(ws, LOCAL, experiment.id)).decode()
    view = look(ws, LOCAL, experiment.id)
    assert "Checkout" in page
    assert view.result.data_hash in page
    assert "Sample ratio" in page
    assert "=evil()" in page


def test_files_of_an_explored_look_say_how_it_departs(ws: Workspace, experiment: Experiment):
    plan = look(ws, LOCAL, experiment.id)
    seen = exploring.explore(plan, exploring.Choices(confidence_level=0.99))
    assert {row["exploring"] for row in rows(downloads.csv_of(seen))} == {"99\u202f% intervals"}
    assert json.loads(downloads.json_of(seen))["exploring"] == ["99\u202f% intervals"]
    assert "Exploring, not the plan" in downloads.html_of(seen).decode()
    asked = (
        exploring.Choices(confidence_level=0.99),
        exploring.Choices(methods=("fisher", "newcombe", "jeffreys", "log_delta")),
        exploring.Choices(correction="by", alternative="greater"),
    )
    for choices in asked:
        shown = exploring.explore(plan, choices)
        content = downloads.notebook_of(ws, LOCAL, shown)
        assert shown.result != plan.result
        run(content)


def test_the_list_has_a_row_per_experiment_with_its_verdict(
    ws: Workspace, experiment: Experiment
):
    (row,) = rows(downloads.experiments_csv(ws, LOCAL, list_experiments(ws, LOCAL)))
    assert row["key"] == experiment.key
    assert row["verdict"] == look(ws, LOCAL, experiment.id).result.verdict.code
    assert row["split_bp"] == "5000/5000"
    assert row["created_at"].endswith("Z")


def test_an_experiment_without_data_has_files_too(ws: Workspace, experiment: Experiment):
    (record,) = ingestion.imports_of(ws, LOCAL, experiment.id)
    ingestion.undo(ws, LOCAL, record.id)
    assert look(ws, LOCAL, experiment.id).result.verdict.code == "no_data"
    assert "No data" in downloads.html_of(look(ws, LOCAL, experiment.id)).decode()
    notebook = downloads.notebook_of(ws, LOCAL, look(ws, LOCAL, experiment.id))
    assert json.loads(notebook)["nbformat"] == 4
    (row,) = rows(downloads.experiments_csv(ws, LOCAL, list_experiments(ws, LOCAL)))
    assert row["verdict"] == ""


def test_a_baseline_comes_from_control_and_is_no_look(ws: Workspace, experiment: Experiment):
    rate = baseline_of(ws, LOCAL, experiment.id, "converted")
    assert rate is not None
    assert (rate.kind, rate.units, rate.standard_deviation) == ("rate", 1500, None)
    assert rate.value == pytest.approx(1 / 9, abs=0.01)
    assert rate.daily_units == pytest.approx(3000 / 9)
    mean = baseline_of(ws, LOCAL, experiment.id, "revenue")
    assert mean is not None
    assert mean.kind == "mean"
    assert mean.standard_deviation == pytest.approx(2.0, abs=0.01)
    assert look(ws, LOCAL, experiment.id).result.look == 1


def test_without_data_there_is_no_baseline(ws: Workspace, experiment: Experiment):
    (record,) = ingestion.imports_of(ws, LOCAL, experiment.id)
    ingestion.undo(ws, LOCAL, record.id)
    assert baseline_of(ws, LOCAL, experiment.id, "converted") is None
    with pytest.raises(NotFoundError, match="no metric “other”"):
        baseline_of(ws, LOCAL, experiment.id, "other")


def test_every_sample_recomputes_itself(ws: Workspace, clock: Clock):
    clock.wait(days=90)  # the samples end in the past
    load_samples(ws, LOCAL)
    for experiment in list_experiments(ws, LOCAL):
        run(downloads.notebook_of(ws, LOCAL, look(ws, LOCAL, experiment.id)))
        downloads.html_of(look(ws, LOCAL, experiment.id))
