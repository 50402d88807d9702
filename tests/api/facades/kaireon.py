"""KaireonAI: its paths, a body, and how a test speaks with them."""

from __future__ import annotations

from typing import Any

from tests.api.facades.conftest import World

HERE = "/compat/kaireon/api/v1/experiments"
LIST, CREATE, DELETE_BY_QUERY = (
    f"{method} /api/v1/experiments" for method in ("GET", "POST", "DELETE")
)
READ, PUT, DELETE = (
    f"{method} /api/v1/experiments/{{experiment_id}}" for method in ("GET", "PUT", "DELETE")
)
RESULTS = "GET /api/v1/experiments/{experiment_id}/results"
BODY = {
    "key": "offer-model", "name": "Offer model", "championModelId": "m1",
    "trafficSplit": {"championPct": 50}, "challengers": [{"modelId": "m2", "trafficPct": 50}],
}  # fmt: skip


def made(world: World, **changes: Any) -> Any:
    answer = world("POST", HERE, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(world: World, one: Any, **body: Any) -> Any:
    return world("PUT", f"{HERE}/{one['id']}", body)


def told(world: World, one: Any) -> Any:
    answer = world("GET", f"{HERE}/{one['id']}/results")
    assert answer.status_code == 200, answer.text
    return answer.json()


def is_refused(answer: Any, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "details", "requestId"}
    assert code in {None, answer.json()["error"]["code"]}
