"""Guessed passwords, a full queue, repeated requests: what is answered, and what is stored."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import argon2
import httpx
import pytest

from experiments_core.api.app import build_api
from experiments_core.domain.access import LOCAL
from experiments_core.errors import RateLimitedError, UnauthorizedError
from experiments_core.services import (
    accounts,
    experiments,
    keys,
    people,
    rate_limits,
    workspace,
)
from experiments_core.services.rate_limits import Buckets
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.store import answers
from experiments_core.store.writer import Writer

PASSWORD = "correct horse battery"  # noqa: S105  of a test
BATCH = 100


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as opened:
        yield workspace.use(opened)
    workspace.stop()


async def post(
    client: httpx.AsyncClient, path: str, body: Any, **headers: str
) -> httpx.Response:
    return await client.post(path, json=body, headers=headers)


def client(ws: Workspace) -> httpx.AsyncClient:
    token = keys.create_key(ws, LOCAL, "t", role="admin").secret
    transport = httpx.ASGITransport(build_api())
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers)


# Threat 12: guessing passwords.


@pytest.fixture
def guessed(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were compared; comparing is quick and never fits."""
    people.add_user(ws, LOCAL, "mira@example.com", name="Mira", role="admin")
    accounts.choose_password(ws, people.make_link(ws, LOCAL, "mira@example.com"), PASSWORD)
    compared: list[str] = []

    def compare(kept: str, _password: str) -> bool:
        compared.append(kept)
        return False

    monkeypatch.setattr(accounts, "_matches", compare)
    rate_limits._OF[ws] = Buckets(clock=lambda: 0.0)  # no time passes
    return compared


@pytest.mark.parametrize("email", ("mira@example.com", "nobody@example.com"))
def test_the_eleventh_guess_within_a_minute_is_not_looked_at(
    ws: Workspace, guessed: list[str], email: str
):
    for number in range(10):
        with pytest.raises(UnauthorizedError):
            accounts.sign_in(ws, email, PASSWORD, f"10.0.0.{number}")
    with pytest.raises(RateLimitedError) as refused:
        accounts.sign_in(ws, email, PASSWORD, "10.0.1.1")
    assert refused.value.retry_after == 6
    assert len(guessed) == 10


def test_an_address_has_ten_guesses_whomever_they_are_about(ws: Workspace, guessed: list[str]):
    for number in range(10):
        with pytest.raises(UnauthorizedError):
            accounts.sign_in(ws, f"u{number}@example.com", "x", "10.0.0.1")
    with pytest.raises(RateLimitedError):
        accounts.sign_in(ws, "other@example.com", "x", "10.0.0.1")
    assert len(guessed) == 10


def test_a_stranger_costs_what_a_known_person_costs(ws: Workspace, guessed: list[str]):
    """One comparison with a hash of the same parameters each, so that times tell nothing."""
    for email in ("mira@example.com", "nobody@example.com"):
        with pytest.raises(UnauthorizedError):
            accounts.sign_in(ws, email, "wrong", "10.0.0.1")
    known, unknown = (argon2.extract_parameters(kept) for kept in guessed)
    assert known == unknown
    assert guessed[0] != guessed[1]


def test_the_time_of_a_refusal_does_not_tell_who_is_known(ws: Workspace):
    """The full test takes 200; a few guard against a comparison that is left out."""
    people.add_user(ws, LOCAL, "mira@example.com", name="Mira", role="admin")
    accounts.choose_password(ws, people.make_link(ws, LOCAL, "mira@example.com"), PASSWORD)
    took: dict[str, list[float]] = {"mira@example.com": [], "nobody@example.com": []}
    for number in range(3):
        for email, times in took.items():
            rate_limits._OF[ws] = Buckets(clock=lambda: 0.0)
            begun = time.process_time()
            with pytest.raises(UnauthorizedError):
                accounts.sign_in(ws, email, "wrong", f"10.0.0.{number}")
            times.append(time.process_time() - begun)
    known, unknown = (statistics.median(times) for times in took.values())
    print(f"sign-in refused: known {known:.4f} s, unknown {unknown:.4f} s")  # noqa: T201  for the log
    assert 1 / 10 < known / unknown < 10


# Threat 22: overload.


def test_a_full_queue_answers_503_and_stores_exactly_what_it_acknowledged(ws: Workspace):
    ws.writer.close()
    ws.writer = Writer(ws.db, most_waiting=3 * BATCH)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with ws.db.write():  # a long import has the door
            held.set()
            release.wait(30)

    def batch(number: int) -> dict[str, Any]:
        return {"events": [
            {"event_id": f"{number}-{i}", "type": "metric", "name": "paid", "unit_id": f"u{i}"}
            for i in range(BATCH)
        ]}  # fmt: skip

    async def flood() -> list[httpx.Response]:
        async with client(ws) as api:
            holder = threading.Thread(target=hold)
            holder.start()
            held.wait(10)
            sent = [asyncio.create_task(post(api, "/events", batch(n))) for n in range(12)]
            refused = 0
            while refused < 12 - 4:  # three batches wait, and one may be in the writer's hand
                done, _ = await asyncio.wait(sent, timeout=0.05)
                refused = len(done)
            release.set()
            holder.join()
            return list(await asyncio.gather(*sent))

    found = asyncio.run(flood())
    assert {answer.status_code for answer in found} == {200, 503}
    for answer in found:
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "Nothing of this call was stored" in answer.json()["error"]["hint"]
    acknowledged = {
        f"{number}-{i}"
        for number, answer in enumerate(found) if answer.status_code == 200
        for i in range(BATCH)
    }  # fmt: skip
    with ws.db.read() as cursor:
        stored = [one for (one,) in cursor.execute("SELECT event_id FROM events").fetchall()]
    assert len(stored) == len(set(stored))
    assert set(stored) == acknowledged


def test_who_waits_too_long_for_the_disk_is_told_to_come_back_and_loses_nothing(ws: Workspace):
    ws.writer.patience = 0.1
    event = {"event_id": "e", "type": "metric", "name": "paid", "unit_id": "u"}

    async def send() -> httpx.Response:
        async with client(ws) as api:
            await api.get("/me")
            with ws.db.write():
                return await post(api, "/events", {"events": [event]})

    late = asyncio.run(send())
    assert (late.status_code, late.json()["error"]["code"]) == (503, "BUSY")
    assert late.headers["Retry-After"]
    ws.writer.patience = 30

    async def again() -> httpx.Response:
        async with client(ws) as api:
            return await post(api, "/events", {"events": [event]})

    told = asyncio.run(again()).json()["data"]
    assert told["accepted"] + told["duplicates"] == 1
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM events").fetchone() == (1,)


# Threat 23: repeated requests.


def made(ws: Workspace) -> list[str]:
    return [one.name for one in experiments.list_experiments(ws, LOCAL)]


def test_a_hundred_replays_at_once_have_one_effect(ws: Workspace):
    async def replay() -> list[httpx.Response]:
        async with client(ws) as api:
            asked = [
                post(api, "/experiments", {"name": "Once"}, **{"Idempotency-Key": "k"})
                for _ in range(100)
            ]
            return list(await asyncio.gather(*asked))

    found = asyncio.run(replay())
    codes = Counter(answer.status_code for answer in found)
    assert set(codes) <= {201, 409}
    assert codes[201] >= 1
    assert made(ws) == ["Once"]
    firsts = [
        a for a in found if a.status_code == 201 and "Idempotent-Replayed" not in a.headers
    ]
    assert len(firsts) == 1
    assert {a.json()["data"]["id"] for a in found if a.status_code == 201} == {
        firsts[0].json()["data"]["id"]
    }
    others = [a.json()["error"]["code"] for a in found if a.status_code == 409]
    assert set(others) <= {"IDEMPOTENCY_IN_FLIGHT"}


class Crash(BaseException):
    """The process ends here."""


def test_a_crash_between_effect_and_answer_leaves_nothing_and_the_retry_has_one_effect(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
):
    def crash(*_: object, **__: object) -> None:
        raise Crash

    async def send() -> httpx.Response:
        async with client(ws) as api:
            return await post(api, "/experiments", {"name": "Once"}, **{"Idempotency-Key": "k"})

    with monkeypatch.context() as patched:
        patched.setattr(answers, "keep_answer", crash)
        with pytest.raises(BaseException):  # noqa: B017, PT011  a task group may wrap it
            asyncio.run(send())
    assert made(ws) == []
    first, again = asyncio.run(send()), asyncio.run(send())
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert made(ws) == ["Once"]


def test_events_whose_answer_was_lost_are_counted_once_when_they_are_sent_again(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
):
    body = {"events": [
        {"event_id": f"e{i}", "type": "metric", "name": "paid", "unit_id": "u1"}
        for i in range(5)
    ]}  # fmt: skip

    def crash(*_: object, **__: object) -> None:
        raise Crash

    async def send() -> httpx.Response:
        async with client(ws) as api:
            return await post(api, "/events", body, **{"Idempotency-Key": "k"})

    with monkeypatch.context() as patched:
        patched.setattr(answers, "keep_answer", crash)
        with pytest.raises(BaseException):  # noqa: B017, PT011  as above
            asyncio.run(send())
    told = asyncio.run(send()).json()["data"]
    assert (told["accepted"], told["duplicates"]) == (0, 5)
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM events").fetchone() == (5,)
