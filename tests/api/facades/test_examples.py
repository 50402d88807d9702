"""The services' own examples, sent as they are printed to a server that people start.

They are read from the documents themselves in ``UPSHOT_ACCEPTANCE_DATA``; without that folder
these tests say that they were skipped, and why.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.api.facades import seeds
from tests.api.facades.rules import holds
from tests.servers import start_server, stop_server

KRAFTER_KEY, SHORTKIT_KEY = "kr_live_abc123def456", "sk_live_your_secret_key"
OLD_FLAG_TEST = "3c4d5e6f-7a8b-4c9d-8e0f-1a2b3c4d5e6f"


class Site:
    """A server, started with ``upshot serve``, and an admin's key of it."""

    def __init__(self, url: str, workspace: Path) -> None:
        self.url = url
        self.settings = {**os.environ, "UPSHOT_WORKSPACE": str(workspace),
                         "UPSHOT_TEST_KEYS": "1"}  # fmt: skip
        self.settings.pop("COVERAGE_PROCESS_CONFIG", None)
        self.token = self.key("ci", "admin")

    def key(self, name: str, role: str, token: str | None = None) -> str:
        """Make a key, or register one, as an operator does while the server runs."""
        command = ["keys", "create", "--name", name, "--role", role]
        told = subprocess.run(
            [sys.executable, "-m", "experiments_core", *command]
            + (["--token-stdin"] if token else []),
            input=token or "", env=self.settings, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return token or told.stdout.split()[0]

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, timeout=30,
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )  # fmt: skip
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def known_as(self, experiment: str, system: str, old_id: str) -> None:
        """Say by which id another service knew an experiment, and take it from any other."""
        everybody = self("GET", "/api/v1/experiments?limit=100")["data"]
        for one in everybody:
            if system in one["external_ids"]:
                self._name(one["id"], {})
        self._name(experiment, {system: old_id})

    def _name(self, experiment: str, ids: dict[str, str]) -> None:
        path = f"/api/v1/experiments/{experiment}"
        version = self("GET", path)["data"]["version"]
        self("PATCH", path, {"external_ids": ids}, **{"If-Match": f'"v{version}"'})

    def feed(self, experiment: str, told: Callable[[str, int], dict[str, float]]) -> None:
        """Let units enter; ``told`` gives the events of the i-th by its arm."""
        units = [{"unit_id": f"{experiment}-{i}"} for i in range(200)]
        asked = {"units": units, "experiments": [experiment]}
        answers = self("POST", "/api/v1/assign", asked)["data"]["results"]
        arms = {one["unit_id"]: one["variant"] for one in answers if one["in_experiment"]}
        events: list[dict[str, Any]] = [
            {"type": "exposure", "unit_id": unit, "experiment": experiment} for unit in arms
        ]
        events += [
            {"type": "metric", "unit_id": unit, "name": name, "value": value}
            for i, (unit, arm) in enumerate(arms.items())
            for name, value in told(arm, i).items()
        ]
        numbered = [{"event_id": f"{experiment[-12:]}-{i}", **e} for i, e in enumerate(events)]
        assert self("POST", "/api/v1/events", {"events": numbered})["data"]["rejected"] == []


def feed_events(arm: str, i: int) -> dict[str, float]:
    """What ShortKit's users do: the treatment wins."""
    done = {"completionRate": 1.0} if arm != "control" or i % 4 == 0 else {}
    came = {"sessionsPerUser": 1.0} if i % 3 else {}
    return done | came | {"watchTime": 20.0 + i % 5}


def session_events(arm: str, i: int) -> dict[str, float]:
    """What crewkit's sessions are scored with."""
    won = arm == "variant" or i % 3 == 0
    return {
        "success": float(won and i % 7 > 0),
        "cost": 0.01 * (1 + i % 9),
        "turns": 5.0 + i % 4,
    }


@pytest.fixture(scope="module")
def documents(acceptance_data: Path) -> Path:
    return acceptance_data


@pytest.fixture(scope="module")
def site(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert documents.is_dir()
    folder = tmp_path_factory.mktemp("site")
    server = start_server(folder, sample=False, environment={"UPSHOT_TEST_KEYS": "1"})
    try:
        yield Site(server.url, folder)
    finally:
        stop_server(server)


def our_id(made: seeds.Reply) -> str:
    """The UUID behind ShortKit's ``exp_…``."""
    return str(UUID(made.body["data"]["id"].removeprefix("exp_")))


def same_shape(example: seeds.Example, reply: seeds.Reply) -> None:
    wrong = seeds.differences(example.answer, reply.body)
    assert not wrong, (wrong, reply.body)


@holds(
    *(f"{method} /flags/{{flag_id}}/experiments" for method in ("GET", "POST")),
    *(
        f"POST /flags/{{flag_id}}/experiments/{{experiment_id}}/{verb}"
        for verb in ("start", "stop")
    ),
    rule="the printed curl runs with only its base URL changed, and answers in its shape",
    dialect="Krafter",
)
def test_krafters_examples_run_as_they_are_printed(site: Site, documents: Path):
    site.key("krafter", "editor", KRAFTER_KEY)
    base, ours = "https://app.krafter.dev/api/v1", f"{site.url}/compat/krafter"
    listing, create, start, stop = seeds.curl_examples(seeds.document(documents, "001"))
    assert OLD_FLAG_TEST in start.request
    created = seeds.run(create.request, base, ours)
    same_shape(create, created)
    assert created.status == 201
    assert created.body["data"]["variants"] == create.answer["data"]["variants"]
    assert created.body["data"]["status"] == create.answer["data"]["status"]
    site.known_as(created.body["data"]["id"], "krafter", OLD_FLAG_TEST)
    for example, status in ((start, "running"), (listing, "running"), (stop, "stopped")):
        reply = seeds.run(example.request, base, ours)
        same_shape(example, reply)
        assert reply.status == 200
        data = reply.body["data"]
        shown = data[0] if example is listing else data
        assert (shown["id"], shown["status"]) == (OLD_FLAG_TEST, status)


@holds(
    *(f"{method} /v1/experiments" for method in ("GET", "POST")),
    *(f"{method} /v1/experiments/{{experiment_id}}" for method in ("PATCH", "DELETE")),
    *(f"POST /v1/experiments/{{experiment_id}}/{verb}" for verb in ("start", "stop")),
    "GET /v1/experiments/{experiment_id}/results",
    rule="the printed curl runs with only its base URL changed, and answers in its shape",
    dialect="ShortKit",
)
@holds(
    "GET /v1/experiments/{experiment_id}",
    rule="the printed answer has our shape",
    dialect="ShortKit",
)
def test_shortkits_examples_run_as_they_are_printed(site: Site, documents: Path):
    site.key("shortkit", "admin", SHORTKIT_KEY)
    base, ours = "https://api.shortkit.dev", f"{site.url}/compat/shortkit"
    text = seeds.document(documents, "004")
    examples = seeds.curl_examples(text)
    listing, ranking, config, start, stop, results, patch, delete = examples
    made = seeds.run(ranking.request, base, ours)
    printed = next(seeds.json_blocks(text, "Example: Config experiment\n"))
    assert made.status == 201
    for example in (ranking, config):
        reply = seeds.run(example.request, base, ours)
        assert reply.status == 201, reply.body
        assert not seeds.differences(printed, reply.body)
    assert made.body["data"] | {"id": "", "createdAt": ""} == printed["data"] | {
        "id": "", "createdAt": "", "description": made.body["data"]["description"],
        "startedAt": None,
    }  # fmt: skip
    ident = our_id(made)
    site.known_as(ident, "shortkit", "exp_abc123")
    patched = seeds.run(patch.request, base, ours)
    assert (patched.status, patched.body["data"]["traffic"]) == (200, 0.30)
    started = seeds.run(start.request, base, ours)
    same_shape(start, started)
    assert (started.status, started.body["data"]["id"]) == (200, "exp_abc123")
    site.feed(ident, feed_events)
    told = seeds.run(results.request, base, ours)
    same_shape(results, told)
    assert (told.status, told.body["data"]["recommendation"]["winner"]) == (
        200, results.answer["data"]["recommendation"]["winner"],
    )  # fmt: skip
    listed = seeds.run(listing.request, base, ours)
    assert [one["id"] for one in listed.body["data"]] == ["exp_abc123"]
    assert not seeds.differences(listing.answer, listed.body)
    detail = next(seeds.json_blocks(text, "Get experiment\n"))
    shown = site("GET", "/compat/shortkit/v1/experiments/exp_abc123")
    for variant in detail["data"]["variants"]:
        variant["config"] = {"weights": {"recency": 0.25}}
    assert not seeds.differences(detail, shown)
    stopped = seeds.run(stop.request, base, ours)
    assert (stopped.status, stopped.body["data"]["status"]) == (200, "stopped")
    site.known_as(our_id(seeds.run(ranking.request, base, ours)), "shortkit", "exp_abc123")
    gone = seeds.run(delete.request, base, ours)
    assert (gone.status, gone.body) == (204, None)


CREWKIT_STATES = {
    "start": (), "stop": ("start",), "deploy": ("start", "stop"), "archive": ("start", "stop"),
    "metrics": ("start",),
}  # fmt: skip


@holds(
    *(f"{method} /{{org_id}}/experiments" for method in ("GET", "POST")),
    *(
        f"{method} /{{org_id}}/experiments/{{experiment_id}}"
        for method in ("GET", "PATCH", "DELETE")
    ),
    *(
        f"POST /{{org_id}}/experiments/{{experiment_id}}/{verb}"
        for verb in ("start", "stop", "deploy", "archive")
    ),
    "GET /{org_id}/experiments/{experiment_id}/metrics",
    rule="the printed request is taken as it stands; a printed answer has its shape",
    dialect="crewkit",
)
def test_crewkits_requests_run_as_they_are_printed(site: Site, documents: Path):
    examples = seeds.http_examples(seeds.document(documents, "000"))
    assert len(examples) == 10
    create = next(
        one for one in examples if one.request.startswith("POST /:org_id/experiments\n")
    )
    for example in examples:
        line, _, body = example.request.partition("\n")
        method, path = line.split()
        content = json.loads(body) if body else None
        ident = ""
        if ":id" in path:
            made = json.loads(create.request.partition("\n")[2])
            ident = site("POST", "/compat/crewkit/default/experiments", made)["data"]["id"]
            for verb in CREWKIT_STATES.get(path.rpartition("/")[2], ()):
                site("POST", f"/compat/crewkit/default/experiments/{ident}/{verb}")
        if path.endswith("/metrics"):
            site.feed(ident, session_events)
        ours = path.replace(":org_id", "default").replace(":id", ident)
        told = site(method, f"/compat/crewkit{ours}", content)
        if path.endswith("/metrics"):
            assert not seeds.differences(example.answer, told)
        elif method != "DELETE" and content is not None and "variant" not in content:
            assert {name: told["data"][name] for name in content} == content


LOST = {"/api/v1/experiments/": "/{id}", "/api/v1/experiments//results": "/{id}/results"}


@holds(
    *(f"{method} /api/v1/experiments" for method in ("GET", "POST", "DELETE")),
    *(f"{method} /api/v1/experiments/{{experiment_id}}" for method in ("GET", "PUT", "DELETE")),
    "GET /api/v1/experiments/{experiment_id}/results",
    rule="every printed method and path, with the id that was lost, answers",
    dialect="KaireonAI",
)
@holds(
    "POST /api/v1/experiments",
    rule="every printed field is taken, and has its printed default",
    dialect="KaireonAI",
)
@holds(rule="the printed roles may do what is printed, others not", dialect="KaireonAI")
def test_kaireons_document_line_by_line(site: Site, documents: Path):
    text = seeds.document(documents, "003")
    fields = re.findall(
        r"^(\w+) \| (\w+) \| (Yes|No) \| .*?(?:Default: (.+?))? \|$", text, re.MULTILINE
    )
    assert len(fields) == 10
    values: dict[str, Any] = {
        "key": "offers", "name": "Offers", "description": "Why", "status": "draft",
        "championModelId": "m1", "trafficSplit": {"championPct": 60},
        "challengers": [{"modelId": "m2", "trafficPct": 40}], "autoPromote": True,
        "promoteThreshold": 0.1, "promoteAfterDays": 3,
    }  # fmt: skip
    assert {name for name, *_ in fields} == set(values)
    here = "/compat/kaireon/api/v1/experiments"
    made = site("POST", here, values)
    assert {name: made[name] for name in values if name != "challengers"} == {
        name: value for name, value in values.items() if name != "challengers"
    }
    needed = {name: values[name] for name, _, required, _ in fields if required == "Yes"}
    least = site("POST", here, needed | {"key": "least", "challengers": [
        {"modelId": "m2", "trafficPct": 20},
    ]})  # fmt: skip
    defaults = {name: default.strip("`") for name, _, _, default in fields if default}
    assert len(defaults) == 5
    for name, default in defaults.items():
        said = re.sub(r"(\w+):", r'"\1":', default)
        assert least[name] == json.loads(said), name
    printed = r"(GET|POST|PUT|DELETE) (/api/v1/experiments(?:\?id=\{\w+\}|[/\w]*))"
    paths = re.findall(printed, text)
    assert len(paths) == 7
    bodies: dict[str, Any] = {"POST": values | {"key": "more"}, "PUT": {"results": {"x": 1}}}
    order = sorted(paths, key=lambda pair: pair[0] == "DELETE")
    for method, path in order:
        lost = LOST.get(path)
        ours = f"/compat/kaireon{path}".replace("{experimentId}", least["id"])
        if lost:
            ours = f"{here}{lost.format(id=made['id'])}"
        answer = site(method, ours, bodies.get(method))
        assert (answer is None) == (method == "DELETE")
    roles = re.findall(r"^(\w+) (/experiments\S*) \| (.+?) \|$", text, re.MULTILINE)
    assert len(roles) == 5
    keys = {"admin": site.token} | {
        role: site("POST", "/api/v1/keys", {"name": role, "role": role})["data"]["key"]
        for role in ("viewer", "editor")
    }
    for method, path, allowed in roles:
        for role, key in keys.items():
            test = site("POST", here, values | {"key": f"{method}-{role}-{len(path)}"})
            body = {"POST": values | {"key": f"new-{role}"}, "PUT": {"name": "New"}}.get(method)
            answer = httpx.request(
                method, f"{site.url}/compat/kaireon/api/v1{path.format(id=test['id'])}",
                json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30,
            )  # fmt: skip
            may = allowed == "any authenticated" or role in allowed.split(", ")
            assert (answer.status_code < 300) == may, (method, path, role, answer.text)
            assert may or answer.status_code == 403


@holds(
    *(f"{method} /v1/experiments" for method in ("GET", "POST")),
    *(f"{method} /v1/experiments/{{experimentId}}" for method in ("GET", "PATCH", "DELETE")),
    "POST /v1/experiments/{experimentId}/variants",
    *(
        f"{method} /v1/experiments/{{experimentId}}/variants/{{variantId}}"
        for method in ("PATCH", "DELETE")
    ),
    "PATCH /v1/experiments/{experimentId}/status",
    "POST /v1/experiments/{experimentId}/deploy",
    rule="what the document names is there, with its fields and words, for a key sk_…",
    dialect="Stamn",
)
def test_stamns_document_line_by_line(site: Site, documents: Path):
    text = seeds.document(documents, "002")
    named = {"name": "stamn", "role": "admin", "prefix": "sk_"}
    key = site("POST", "/api/v1/keys", named)["data"]["key"]
    assert key.startswith("sk_")
    token, site.token = site.token, key
    here = "/compat/stamn/v1/experiments"
    required = ("name", "targetFile", "variants", "participantIds", "status", "variantId")
    assert all(f"{field}Required" in text for field in required)
    words = re.findall(r'"(\w+)"', text)
    assert words == ["running", "paused", "completed"]
    body = {
        "name": "Tone", "targetFile": "a.md", "participantIds": ["p1", "p2"],
        "variants": [{"name": "a", "content": "A"}, {"name": "b", "content": "B"}],
    }  # fmt: skip
    try:
        made = site("POST", here, body)["data"]
        path = f"{here}/{made['id']}"
        first, second = (variant["id"] for variant in made["variants"])
        third = site("POST", f"{path}/variants", {"name": "c"})["data"]["variants"][2]["id"]
        site("PATCH", f"{path}/variants/{third}", {"content": "C"})
        site("DELETE", f"{path}/variants/{third}")
        assert site("PATCH", path, {"description": "Why"})["data"]["description"] == "Why"
        deployed = site("POST", f"{path}/deploy", {"participantId": "p1", "variantId": second})
        assert deployed["data"]["variantId"] == second != first
        for word in words:
            moved = site("PATCH", f"{path}/status", {"status": word})["data"]
            assert moved["status"] == word
        assert [one["id"] for one in site("GET", here)["data"]] == [made["id"]]
        assert site("GET", path)["data"] == moved
        assert site("DELETE", path) is None
    finally:
        site.token = token
