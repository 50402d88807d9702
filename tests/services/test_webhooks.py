"""Deployments are told to other systems: signed, again until they answer, never redirected."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.webhook import signature
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from experiments_core.services import acting, auditing, deploying, experiments, webhooks
from experiments_core.services.workspace import Workspace
from tests.services.conftest import Clock

CODES = ("not_significant", "plan_not_reached", "health_red", "guardrail_not_safe")


@dataclass
class Receiver:
    """Another system: what it was sent, and what it answers."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.got.append((dict(self.headers), body))
            self.send_response(receiver.status)
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def receiver(listening: Receiver) -> Receiver:
    listening.got.clear()
    listening.status = 204
    return listening


@pytest.fixture
def stopped(ws: Workspace) -> Experiment:
    draft = ExperimentDraft("Checkout", metrics=(Proportion("paid"),))
    made = experiments.create_experiment(ws, LOCAL, draft)
    for verb in ("start", "stop"):
        made = acting.transition(ws, LOCAL, made.id, verb, version=made.version)
    return made


def deploy(ws: Workspace, one: Experiment) -> Any:
    return deploying.deploy(
        ws, LOCAL, one.id, variant="treatment", version=None, acknowledge=CODES, reason="Go."
    )[1]


def test_a_deployment_and_its_revert_are_told_signed(
    ws: Workspace, stopped: Experiment, receiver: Receiver
):
    hook = webhooks.create_webhook(ws, LOCAL, f"{receiver.url}/hook")
    deployment = deploy(ws, stopped)
    deploying.revert(ws, LOCAL, deployment.id, reason="Back.")
    done = webhooks.deliver_due(ws)
    assert [one.answer for one in done] == ["answered 204", "answered 204"]
    told = [json.loads(body) for _, body in receiver.got]
    assert [one["event"] for one in told] == ["deploy", "revert"]
    assert told[0]["fallback"]["variant"] == told[0]["deployment"]["variant"] == "treatment"
    assert told[0]["deployment"]["reason"] == "Go."
    assert told[1]["fallback"]["variant"] == "control"
    assert told[1]["deployment"]["state"] == "reverted"
    for headers, body in receiver.got:
        at = int(headers["Upshot-Signature"].partition(",")[0].removeprefix("t="))
        assert headers["Upshot-Signature"] == signature(hook.secret or "", at, body)
    assert webhooks.deliver_due(ws) == []
    ((listed, last),) = webhooks.list_webhooks(ws, LOCAL)
    assert listed.secret is None
    assert last is not None
    assert last.delivered_at is not None


def test_who_does_not_answer_is_told_again_and_given_up_at_last(
    ws: Workspace, clock: Clock, stopped: Experiment, receiver: Receiver
):
    webhooks.create_webhook(ws, LOCAL, receiver.url)
    deploy(ws, stopped)
    receiver.status = 500
    for attempt in range(1, 9):
        (after,) = webhooks.deliver_due(ws)
        assert (after.attempts, after.answer) == (attempt, "answered 500")
        assert webhooks.deliver_due(ws) == []
        clock.wait(seconds=10 * 2 ** (attempt - 1))
    assert webhooks.deliver_due(ws) == []
    bodies = {body for _, body in receiver.got}
    assert len(bodies) == 1
    assert len(receiver.got) == 8


def test_a_redirect_is_no_answer_and_is_not_followed(
    ws: Workspace, stopped: Experiment, receiver: Receiver
):
    webhooks.create_webhook(ws, LOCAL, receiver.url)
    deploy(ws, stopped)
    receiver.status = 307
    (after,) = webhooks.deliver_due(ws)
    assert (after.answer, len(receiver.got)) == ("answered 307", 1)


def test_nobody_there_is_a_failure_in_words(ws: Workspace, stopped: Experiment):
    webhooks.create_webhook(ws, LOCAL, "http://127.0.0.1:9/hook")
    deploy(ws, stopped)
    (after,) = webhooks.deliver_due(ws)
    assert after.delivered_at is None
    assert after.answer.startswith("does not answer")


def test_a_refused_deployment_tells_nothing_and_a_removed_address_neither(
    ws: Workspace, stopped: Experiment, receiver: Receiver
):
    hook = webhooks.create_webhook(ws, LOCAL, receiver.url)
    with pytest.raises(ConflictError):
        deploying.deploy(ws, LOCAL, stopped.id, variant="treatment", version=None)
    assert webhooks.deliver_due(ws) == []
    deploy(ws, stopped)
    webhooks.remove_webhook(ws, LOCAL, hook.id)
    assert webhooks.deliver_due(ws) == []
    assert receiver.got == []


def test_an_admin_makes_and_removes_them_with_a_line_in_the_trail(ws: Workspace):
    hook = webhooks.create_webhook(ws, LOCAL, "https://deploy.example.com/hook")
    with pytest.raises(ConflictError):
        webhooks.create_webhook(ws, LOCAL, "https://deploy.example.com/hook")
    editor, stranger = Actor("jo", Role.EDITOR), Actor("eve", Role.ADMIN, org_id="other")
    for act in (
        lambda: webhooks.create_webhook(ws, editor, "https://x.example"),
        lambda: webhooks.list_webhooks(ws, editor),
        lambda: webhooks.remove_webhook(ws, editor, hook.id),
    ):
        with pytest.raises(ForbiddenError):
            act()
    assert webhooks.list_webhooks(ws, stranger) == []
    with pytest.raises(NotFoundError):
        webhooks.remove_webhook(ws, stranger, hook.id)
    webhooks.remove_webhook(ws, LOCAL, hook.id)
    trail = auditing.read_audit(ws, LOCAL, auditing.Asked(object="webhook"))
    assert [line.verb for line in trail] == ["remove", "create"]
    with ws.db.read() as cursor:
        kept = str(cursor.execute("SELECT * FROM webhooks").fetchall()) + str(trail)
    assert hook.secret
    assert hook.secret not in kept


@pytest.mark.parametrize(
    "url",
    ("", "ftp://x.example", "//x.example", "https://", "https://u:p@x.example", "https://x:y/",
     "https://x.example/a b", "https://x.example/\n", "https://x.example/#a", "h" * 501),
)  # fmt: skip
def test_what_is_no_address_is_refused(ws: Workspace, url: str):
    with pytest.raises(InvalidInputError) as refused:
        webhooks.create_webhook(ws, LOCAL, url)
    assert refused.value.details[0].field == "url"
