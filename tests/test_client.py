from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from experiments_core.client import Client, RefusedError, UnreachableError
from experiments_core.domain.assignment import Decision, Reason, Rules
from experiments_core.errors import BusyError, InvalidInputError


class Fake:
    """A server that answers what the test put on the list, then 200."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.etag = '"a"'
        self.experiments: list[dict[str, Any]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                fake.requests.append(("POST", self.path, json.loads(text)))
                self._answer(*(fake.answers.pop(0) if fake.answers else fake.usual()))

            def do_GET(self) -> None:
                fake.requests.append(("GET", self.path, None))
                if self.headers.get("If-None-Match") == fake.etag:
                    self._answer(304, {}, {"ETag": fake.etag})
                else:
                    body = {"data": {"experiments": fake.experiments}}
                    self._answer(200, body, {"ETag": fake.etag})

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
                text = b"" if status == 304 else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def usual(self) -> tuple[int, dict[str, Any], dict[str, str]]:
        body = {
            "variant": "treatment", "value": 4, "reason": "assigned", "in_experiment": True,
            "accepted": 0, "duplicates": 0, "rejected": [],
        }  # fmt: skip
        return 200, {"data": body}, {}

    def sent(self) -> list[list[str]]:
        """Ids of the events of each request."""
        return [
            [event["event_id"] for event in body["events"]]
            for _, path, body in self.requests
            if path.endswith("/events")
        ]


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    thread = Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_events_are_sent_again_with_the_same_ids_until_they_are_acknowledged(fake: Fake):
    fake.answers = [(503, {}, {"Retry-After": "0"}), (429, {}, {})]
    with Client(fake.url, "k", linger=0.01) as client:
        first = client.track("u1", "paid", 5.0)
        assert client.flush(10)
        assert client.acknowledged == 1
    assert fake.sent() == [[first]] * 3


def test_events_go_out_in_batches(fake: Fake):
    with Client(fake.url, "k", batch=10, linger=5) as client:
        ids = [client.expose("checkout", f"u{i}", variant="control") for i in range(25)]
        assert client.close(10)
    batches = fake.sent()
    assert [event for batch in batches for event in batch] == ids
    assert max(map(len, batches)) == 10


def test_an_event_that_is_refused_is_told_and_not_sent_again(fake: Fake):
    told: list[tuple[str, str]] = []
    problem = {"index": 1, "field": "name", "rule": "REQUIRED"}
    data = {"accepted": 1, "duplicates": 0, "rejected": [problem]}
    fake.answers = [(200, {"data": data}, {})]
    with Client(
        fake.url, "k", linger=0.2,
        on_rejected=lambda event, why: told.append((event["event_id"], why["rule"])),
    ) as client:  # fmt: skip
        client.track("u1", "paid", event_id="good")
        client.track("u1", "", event_id="bad")
        assert client.flush(10)
        assert client.acknowledged == 1
    assert told == [("bad", "REQUIRED")]
    assert len(fake.sent()) == 1


def test_a_refusal_is_an_error_with_the_servers_code(fake: Fake):
    error = {"error": {"code": "EXTERNAL_ASSIGNMENT", "message": "No.", "hint": ""}}
    fake.answers = [(409, error, {})]
    with Client(fake.url, "k") as client:
        with pytest.raises(RefusedError) as refused:
            client.assign("checkout", "u1")
        assert (refused.value.code, refused.value.status) == ("EXTERNAL_ASSIGNMENT", 409)
        assert client.assign("checkout", "u1").value == 4


def test_a_server_that_is_away_is_given_up_after_the_patience():
    client = Client("http://127.0.0.1:9", "k", patience=0.3)
    with pytest.raises(UnreachableError):
        client.assign("checkout", "u1")


def test_a_client_that_cannot_send_says_so():
    client = Client("http://127.0.0.1:9", "k", most_waiting=2)
    client.track("u", "a")
    client.track("u", "b")
    with pytest.raises(BusyError):
        client.track("u", "c")
    assert not client.close(0.2)
    with pytest.raises(BusyError):
        client.track("u", "d")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(InvalidInputError):
        Client("localhost:8501", "k")


def test_it_decides_by_itself_only_where_the_snapshot_lets_it(
    fake: Fake,
):
    known = {
        "key": "checkout", "local": True, "hash_method": "upshot1", "hash_seed": "checkout",
        "allocation_bp": 10_000, "holdout_bp": 0, "targeting": None, "namespace": None,
        "project": {"key": "default", "global_holdout_bp": 0}, "fallback": 0,
        "variants": [{"key": "control", "weight_bp": 5000, "value": 0},
                     {"key": "treatment", "weight_bp": 5000, "value": 4}],
        "overrides": {"qa": "treatment"},
    }  # fmt: skip
    fake.experiments = [known, known | {"key": "other", "local": False}]
    decisions = (Decision("control", Reason.ASSIGNED), Decision("treatment", Reason.ASSIGNED))
    rules = Rules(
        place="running", mode="hash", method="upshot1", seed="checkout",
        arms=("control", "treatment"), ends=(5000, 10_000), allocation_bp=10_000, holdout_bp=0,
        decisions=decisions,
    )  # fmt: skip
    with Client(fake.url, "k", decide_locally=True, snapshot_seconds=0) as client:
        for i in range(50):
            told = client.assign("checkout", f"u{i}")
            assert told.local
            assert told.variant == rules.decide(f"u{i}").variant
        assert client.assign("checkout", "qa").reason == "override"
        assert not client.assign("other", "u1").local
        fake.etag, fake.experiments = '"b"', []
        assert not client.assign("checkout", "u1").local


@pytest.mark.parametrize("value", (float("nan"), object()))
def test_an_event_that_json_does_not_know_is_refused_and_holds_up_no_other(
    fake: Fake, value: Any
):
    with Client(fake.url, "k", linger=0.01) as client:
        with pytest.raises(InvalidInputError, match="cannot be sent as JSON"):
            client.track("u1", "paid", value)
        client.track("u1", "paid", 5.0)
        assert client.flush(10)


def test_importing_the_client_costs_nothing_heavy():
    code = (
        "import sys; import experiments_core.client; "
        "print(sorted({'duckdb', 'pandas', 'numpy', 'scipy', 'fastapi', 'streamlit'} "
        "& sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
