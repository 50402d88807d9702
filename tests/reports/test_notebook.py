import ast
import json
import random
from dataclasses import replace
from importlib import resources

import nbformat
import pytest
from nbclient import NotebookClient

from experiments_core.analysis.bayesian import Prior, with_view
from experiments_core.analysis.cells import CAP, CAPPED, UNCAPPED, WHOLE, Cell, Cells, beside
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.robustness import (
    ALL_DAYS,
    LATER_DAYS,
    Setting,
    capped,
    sheet,
)
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric import Direction, Metric, MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.domain.source import CellKey
from experiments_core.reports import formulas
from experiments_core.reports.formulas.replay import differences
from experiments_core.reports.notebook import FORMULAS, Story, build, source
from experiments_core.reports.notebook_sheet import printed_sheet, sheet_of
from experiments_core.reports.notebook_study import printed, study_of
from experiments_core.stats.moments import Counts, Located, Moments, Summary

STORY = Story(
    "Shorter checkout", "Look 3", (("Data", "sha256:abc"),), "SELECT arm FROM units -- ``` --"
)

METRICS: tuple[Metric, ...] = (
    Proportion("paid"),
    Mean("revenue", unit="USD"),
    Proportion(
        "refund",
        role=MetricRole.GUARDRAIL,
        preferred_direction=Direction.DECREASE,
        non_inferiority_margin=0.1,
    ),
    Mean(
        "seconds",
        role=MetricRole.GUARDRAIL,
        preferred_direction=Direction.DECREASE,
        non_inferiority_margin_absolute=0.2,
    ),
    Proportion("opened", role=MetricRole.SECONDARY),
    Mean("items", role=MetricRole.SECONDARY, preferred_direction=Direction.NEUTRAL),
    Ratio("clicks", "views"),
    Mean("spent", "spent_before", "99%"),
    Quantile("wait", 0.9, role=MetricRole.SECONDARY),
    Ratio("orders", "visits", covariate="orders_before", role=MetricRole.SECONDARY),
    Ratio(
        "taps",
        "screens",
        covariate="taps_before",
        covariate_denominator="screens_before",
        role=MetricRole.GUARDRAIL,
        non_inferiority_margin=0.3,
    ),
    Ratio(
        "errors",
        "calls",
        role=MetricRole.GUARDRAIL,
        preferred_direction=Direction.DECREASE,
        non_inferiority_margin=0.2,
    ),
)


def design(arms: tuple[str, ...], phases: int, **plan: object) -> Design:
    weights = [{arm: 1.0 + i * k for i, arm in enumerate(arms)} for k in range(phases)]
    return Design(
        arms=arms,
        reference=arms[0],
        metrics=METRICS,
        phases=tuple(PhaseDesign(shares) for shares in weights),
        plan=Plan(**plan),  # type: ignore[arg-type]
    )


def summary(draw: random.Random, metric: Metric, n: int) -> Summary:
    lift = draw.uniform(0.9, 1.15)
    if isinstance(metric, Proportion):
        return Counts(n, min(n, round(n * 0.08 * lift)))
    if isinstance(metric, Quantile):
        value = 8.0 * lift
        return Located(n, 2 * n, value, value * 0.97, value * 1.04)
    if isinstance(metric, Ratio) and metric.covariates:
        return before(lift, n).leading(2 + len(metric.covariates))
    if isinstance(metric, Ratio):
        return Moments(n, (2.1 * lift, 10.0), ((4.0, 3.0), (3.0, 20.0 * lift)))
    if metric.covariates:
        return spent(lift, n)
    return Moments.of_mean(n, 5.2 * lift, 14.0 * lift)


def before(lift: float, n: int) -> Moments:
    own, shared = ((4.0, 3.0), (3.0, 20.0 * lift)), ((2.5, 1.0), (1.5, 9.0))
    past = ((3.5 * lift, 2.0), (2.0, 19.0))
    upper = [(*own[i], *shared[i]) for i in (0, 1)]
    lower = [(shared[0][i], shared[1][i], *past[i]) for i in (0, 1)]
    return Moments(n, (2.1 * lift, 10.0, 2.0 * lift**0.1, 9.5), (*upper, *lower))


def spent(lift: float, n: int) -> Moments:
    return Moments(n, (5.2 * lift, 4.9 * lift**0.1), ((14.0 * lift, 9.0), (9.0, 12.0)))


def cells(asked: Design, seed: int) -> Cells:
    draw = random.Random(seed)  # noqa: S311
    found = {}
    for k, phase in enumerate(asked.phases, start=1):
        for arm, weight in phase.weights.items():
            n = round(4000 * weight * draw.uniform(0.97, 1.03))
            own = {m.key: summary(draw, m, n - draw.randint(0, 40)) for m in asked.metrics}
            if "spent" in own:
                counted = own["spent"].n
                own[beside("spent", CAP)] = Moments.of_mean(counted, 30.0, 0.0)
                own[beside("spent", CAPPED)] = Counts(counted, counted // 100)
                own[beside("spent", UNCAPPED)] = spent(draw.uniform(0.9, 1.2), counted)
            if k == 1 and "wait" in own:
                own[beside("wait", WHOLE)] = Located(2 * n, 4 * n, 8.1, 7.9, 8.4)
            found[CellKey(arm, k)] = Cell(n, own)
    return found


def faults(asked: Design, units: Cells, prior: Prior | None = None) -> list[str]:
    result = analyze(units, asked)
    if prior is not None:
        result = with_view(result, Groups.of(units, len(asked.phases)), asked, prior)
        assert any(" / bayes / " in name for name, _ in printed(result))
    return differences(dict(printed(result)), study_of(result, units, asked, prior))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("arms", (("control", "b"), ("control", "b", "c")))
@pytest.mark.parametrize("phases", (1, 3))
def test_every_number_comes_out_again(seed: int, arms: tuple[str, ...], phases: int):
    asked = design(arms, phases)
    assert faults(asked, cells(asked, seed)) == []


@pytest.mark.parametrize("phases", (1, 3))
@pytest.mark.parametrize(
    "prior", (Prior(), Prior(0.5, 0.5), Prior(20.0, 180.0), Prior(lift_deviation=0.05))
)
def test_every_number_of_the_bayesian_view_comes_out_again(phases: int, prior: Prior):
    asked = design(("control", "b", "c"), phases, alpha=0.01 if prior.beta > 1 else 0.05)
    assert faults(asked, cells(asked, phases), prior) == []


@pytest.mark.parametrize("sizes", ((30, 7), (200, 9_000), (5_000_000, 400_000)))
@pytest.mark.parametrize("rates", ((0.3, 0.4), (0.0, 0.2), (1e-4, 3e-4)))
def test_beliefs_about_small_and_large_arms_come_out_again(
    sizes: tuple[int, int], rates: tuple[float, float]
):
    asked = replace(design(("control", "b"), 1), metrics=(Proportion("paid"),))
    units = {
        CellKey(arm, 1): Cell(n, {"paid": Counts(n, round(n * rate))})
        for arm, n, rate in zip(asked.arms, sizes, rates, strict=True)
    }
    assert faults(asked, units, Prior()) == []


@pytest.mark.parametrize(
    "plan",
    (
        {"alternative": "greater"},
        {"alternative": "less"},
        {"correction": "bh"},
        {"correction": "none"},
        {"correction": "by"},
        {"correction": "hochberg", "alternative": "greater"},
        {"correction": "bonferroni"},
        {"alpha": 0.01, "power": 0.9},
        {"method": "sequential"},
        {"method": "sequential", "planned_units": 40_000},
        {"method": "sequential", "planned_units": 10**8},
        {"planned_units": 1_000_000},
    ),
)
@pytest.mark.parametrize("phases", (1, 2))
def test_every_number_comes_out_again_whatever_the_plan(plan: dict[str, object], phases: int):
    asked = design(("control", "b", "c"), phases, **plan)
    assert faults(asked, cells(asked, 7)) == []
    interim = replace(asked, finished=False, said_over=False, status="running")
    assert faults(interim, cells(interim, 8)) == []


ASKED = (
    ("newcombe", "log_delta", "fisher", "clopper_pearson"),
    ("agresti_caffo", "barnard", "jeffreys"),
    ("miettinen_nurminen", "boschloo"),
)


@pytest.mark.parametrize("methods", ASKED, ids=" ".join)
@pytest.mark.parametrize("alternative", ("two-sided", "greater", "less"))
def test_every_number_comes_out_again_by_the_methods_asked_for(
    methods: tuple[str, ...], alternative: str
):
    asked = design(("control", "b", "c"), 1, alternative=alternative)
    asked = replace(asked, methods=methods)
    assert faults(asked, cells(asked, 5)) == []
    few = replace(asked, metrics=(Proportion("paid"),))
    for x, y, z in ((3, 0, 9), (0, 4, 0), (40, 38, 31), (0, 0, 0)):
        counted = dict(zip(asked.arms, (x, y, z), strict=True))
        units = {CellKey(a, 1): Cell(40, {"paid": Counts(40, k)}) for a, k in counted.items()}
        assert faults(few, units) == []


def test_what_is_too_early_to_judge_is_not_recomputed():
    asked = replace(
        design(("control", "b"), 1, planned_units=10**6), finished=False, said_over=False
    )
    few: Cells = {
        CellKey(arm, 1): Cell(20, {"paid": Counts(20, 3), "revenue": Moments.of_mean(20, 5, 2)})
        for arm in asked.arms
    }
    result = analyze(few, asked)
    assert study_of(result, few, asked)["withheld"]
    assert differences(dict(printed(result)), study_of(result, few, asked)) == []


@pytest.mark.parametrize(
    "arms",
    (
        (Counts(20, 0), Counts(20, 0)),
        (Counts(29, 0), Counts(56, 5)),
        (Counts(50, 50), Counts(50, 50)),
        (Counts(0, 0), Counts(50, 5)),
        (Counts(5_000_000, 500_000), Counts(5_000_000, 900_000)),
    ),
)
def test_numbers_that_do_not_exist_are_left_out(arms: tuple[Counts, Counts]):
    asked = replace(design(("control", "b"), 1), metrics=(Proportion("paid"),))
    units = {
        CellKey(arm, 1): Cell(counts.n, {"paid": counts})
        for arm, counts in zip(asked.arms, arms, strict=True)
    }
    assert faults(asked, units) == []


@pytest.mark.parametrize(
    "arms",
    (
        (Moments.of_mean(1, 5, 0), Moments.of_mean(1, 6, 0)),
        (Moments.of_mean(9, 5, 0), Moments.of_mean(9, 6, 0)),
        (Moments.of_mean(400, 0.02, 1), Moments.of_mean(400, 0.32, 1)),
        (Moments.of_mean(400, -10, 1), Moments.of_mean(400, -5, 1)),
        (Moments.of_mean(10**6, 1e9, 0.25), Moments.of_mean(10**6, 1e9 + 0.01, 0.25)),
    ),
)
def test_odd_means_are_no_trouble(arms: tuple[Moments, Moments]):
    asked = replace(design(("control", "b"), 1), metrics=(Mean("revenue"),))
    units = {
        CellKey(arm, 1): Cell(moments.n, {"revenue": moments})
        for arm, moments in zip(asked.arms, arms, strict=True)
    }
    assert faults(asked, units) == []


def written(asked: Design, story: Story = STORY) -> bytes:
    units = cells(asked, 3)
    result = with_view(analyze(units, asked), Groups.of(units, len(asked.phases)), asked)
    return build(result, units, asked, story, prior=Prior())


def test_the_notebook_runs_by_itself_and_counts_its_numbers():
    notebook = nbformat.reads(written(design(("control", "b"), 2)).decode(), as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=120).execute()
    out = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert "numbers agree to 1e-9" in out
    assert "paid / b / relative_lift_ci_upper" in out


def run(content: bytes) -> None:
    body = json.loads(content)
    code = [cell["source"] for cell in body["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {}
    for cell in code:
        exec(compile(cell, "cell", "exec"), names)  # noqa: S102  what the kernel would do


def test_a_changed_number_stops_the_notebook(capsys: pytest.CaptureFixture[str]):
    content = written(design(("control", "b"), 1)).decode()
    run(content.encode())
    value = next(
        line.split(": ", 1)[1].strip(" ,}")
        for line in content.replace("\\n", "\n").splitlines()
        if "paid / b / relative_lift'" in line
    )
    changed = content.replace(
        f"relative_lift': {value}", f"relative_lift': {float(value) * (1 + 3e-9)!r}"
    )
    assert changed != content
    with pytest.raises(AssertionError, match="paid / b / relative_lift: printed"):
        run(changed.encode())
    assert "relative_lift" in capsys.readouterr().out


def test_the_notebook_needs_nothing_of_upshot():
    assert "experiments_core" not in written(design(("control", "b"), 1)).decode()


def test_the_formulas_share_one_name_space_and_no_name():
    told = [node.name for module in FORMULAS for node in definitions(module)]
    assert sorted(told) == sorted(set(told))
    folder = resources.files(formulas).iterdir()
    files = {file.name for file in folder if file.name.endswith(".py")}
    assert files == {"__init__.py", *(f"{module}.py" for module in FORMULAS)}


def definitions(module: str) -> list[ast.FunctionDef]:
    tree = ast.parse(source(module))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_names_from_data_cannot_become_markup_or_code():
    evil = "![x](http://e.vil/a.png) <b> '''\"\n# head"
    asked = replace(
        design(("control", evil), 1),
        metrics=(Proportion("paid", key="it's \"paid\"' \\ "),),
    )
    content = written(asked, replace(STORY, title=evil, facts=((evil, evil),)))
    run(content)
    words = [c["source"] for c in json.loads(content)["cells"] if c["cell_type"] == "markdown"]
    assert "![x]" not in words[0]
    assert "<b>" not in words[0]
    assert words[0].count("\n# ") == 0


def test_the_same_reading_gives_the_same_bytes():
    asked = design(("control", "b"), 1)
    assert written(asked) == written(asked)


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.key)
@pytest.mark.parametrize("phases", (1, 3))
def test_every_analysis_of_a_robustness_sheet_comes_out_again(metric: Metric, phases: int):
    versions = capped(metric)
    asked = replace(design(("control", "b"), phases), metrics=tuple(versions.values()))
    settings = Setting(), Setting(LATER_DAYS), Setting(ALL_DAYS, "first_seen")
    moments = {setting: cells(asked, seed) for seed, setting in enumerate(settings)}
    planned = replace(design(("control", "b"), phases), metrics=(metric,))
    first = {
        key: Cell(cell.units, {metric.key: cell.summaries[next(iter(versions.values())).key]})
        for key, cell in moments[settings[0]].items()
    }
    contrast = analyze(first, planned).metrics[0].arm("b").contrast
    assert contrast is not None
    found = sheet(planned, metric, moments, contrast, treatment="b")
    study = study_of(analyze(first, planned), first, planned) | {"sheets": [sheet_of(found)]}
    numbers = dict(printed_sheet(found))
    assert len(numbers) > 2 * len(found.variations)
    assert differences(numbers, study) == []
