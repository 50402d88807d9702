"""Organisations and projects by command; a second organisation shares nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from experiments_core import cli
from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.errors import ForbiddenError
from experiments_core.services import organisations
from experiments_core.services.auditing import Asked, read_audit
from experiments_core.services.workspace import open_workspace
from tests.servers import Server, start_server, stop_server

LINK = re.compile(r"/sign-in\?link=(\S+)")
TABLE = "user_id,variant,converted\n" + "".join(
    f"u{i},{'control' if i % 2 else 'treatment'},{int(i % 4 == 0)}\n" for i in range(400)
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UPSHOT_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture
def server(place: Path) -> Iterator[Server]:
    running = start_server(place, sample=False, environment={"UPSHOT_AUTH": "accounts"})
    yield running
    stop_server(running)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) == 0
    return capsys.readouterr().out


def walk(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command once, whether a server runs or not."""
    said = told(capsys, "organisations", "add", "Söhne & Co", "--time-zone", "Europe/Berlin")
    assert "as sohne-co" in said
    assert "upshot users add EMAIL --role admin --organisation sohne-co" in said
    listed = told(capsys, "organisations", "list")
    assert re.search(r"^default +Default +UTC$", listed, re.MULTILINE)
    assert re.search(r"^sohne-co +Söhne & Co +Europe/Berlin$", listed, re.MULTILINE)
    there = ("--organisation", "Sohne-Co")
    assert "as shop" in told(capsys, "projects", "add", "Shop", "--strict", *there)
    assert re.search(r"shop +Shop +strict traffic", told(capsys, "projects", "list", *there))
    assert "Shop" not in told(capsys, "projects", "list")
    told(capsys, "keys", "create", "--name", "ci", "--project", "SHOP", *there)
    assert "ci" in told(capsys, "keys", "list", *there)
    assert "no key" in told(capsys, "keys", "list")
    said = told(capsys, "users", "add", "mira@example.com", "--role", "admin", *there)
    assert "upshot users link mira@example.com --organisation Sohne-Co" in said
    assert "There is nobody" in told(capsys, "users", "list")
    for words, why in (
        (("organisations", "add", "x", "--slug", "SOHNE-CO"), "already"),
        (("organisations", "add", "x", "--slug", "../x"), "begin with a letter"),
        (("organisations", "add", "x", "--time-zone", "Berlin"), "IANA name"),
        (("keys", "list", "--organisation", "acme"), "There are: default, sohne-co."),
        (("keys", "create", "--name", "x", "--project", "shop"), "no project “shop”"),
    ):
        assert cli.main(words) == 1
        assert why in capsys.readouterr().err


def test_everything_works_while_no_server_runs(place: Path, capsys: pytest.CaptureFixture[str]):
    walk(capsys)
    with open_workspace(place) as ws:
        born = Asked(verb="create", object="organisation")
        (event,) = read_audit(ws, organisations.operator_in(ws, "sohne-co"), born)
        assert (event.actor, (event.after or {})["slug"]) == ("operator", "sohne-co")
        assert read_audit(ws, LOCAL, born) == []


def test_only_the_operator_makes_and_lists_them(place: Path):
    with open_workspace(place) as ws:
        for actor in (LOCAL, Actor("key:x", Role.ADMIN)):
            with pytest.raises(ForbiddenError, match="Only the operator"):
                organisations.create_organisation(ws, actor, "Acme")
            with pytest.raises(ForbiddenError, match="Only the operator"):
                organisations.list_organisations(ws, actor)


class Program:
    """A service with a key of one organisation."""

    def __init__(self, server: Server, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def __call__(self, method: str, path: str, status: int, **sent: Any) -> Any:
        answer = self.http.request(method, path, **sent)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


def test_two_organisations_of_one_server_share_nothing(
    server: Server, capsys: pytest.CaptureFixture[str]
):
    walk(capsys)
    theirs = ("--organisation", "sohne-co")
    keys = [
        told(capsys, "keys", "create", "--name", "svc", "--role", "admin", *where).strip()
        for where in ((), theirs)
    ]
    with Program(server, keys[0]) as ours, Program(server, keys[1]) as other:
        share_nothing(server, ours, other)

    link = LINK.search(told(capsys, "users", "link", "mira@example.com", *theirs))
    assert link
    with httpx.Client(base_url=server.url, timeout=30) as browser:
        chosen = {"link": link[1], "password": "correct horse battery"}
        assert browser.post("/sign-in", data=chosen).status_code == 303


def share_nothing(server: Server, ours: Program, other: Program) -> None:
    assert ours("GET", "/me", 200)["data"]["organisation"] == "default"

    made = []
    for number, program in enumerate((ours, other)):
        # The same key, the same unit, the same event id: two organisations are two worlds.
        body = {
            "name": f"Secret {number}", "key": "checkout", "status": "running",
            "metrics": [{"key": "paid", "name": "Paid", "kind": "proportion", "event": "paid",
                         "role": "primary"}],
            "external_ids": {"krafter": "same"},
        }  # fmt: skip
        made.append(program("POST", "/experiments", 201, json=body)["data"]["id"])
        unit = {"unit_id": "u1"}
        program("POST", "/experiments/checkout/assign", 200, json=unit)
        events = [
            {"event_id": "e1", "type": "exposure", "experiment": "checkout", **unit,
             "name": "exposure"},
            *({"event_id": f"p{i}", "type": "metric", "name": "paid", **unit}
              for i in range(number + 1)),
        ]  # fmt: skip
        answer = program("POST", "/events", 200, json={"events": events})["data"]
        assert answer == {"accepted": number + 2, "duplicates": 0, "rejected": []}
        files = {"file": (f"secret-{number}.csv", TABLE, "text/csv")}
        program("POST", "/imports", 201, files=files)

    for number, (program, foreign) in enumerate(((ours, made[1]), (other, made[0]))):
        mine, hidden = f"Secret {number}", f"ecret-{1 - number}"
        listed = program("GET", "/experiments", 200)["data"]
        assert [one["name"] for one in listed] == [mine]
        assert program("GET", "/experiments/checkout", 200)["data"]["name"] == mine
        assert program("GET", "/experiments/same", 200)["data"]["name"] == mine
        assert program("GET", f"/experiments/{foreign}", 404)["error"]["code"] == "NOT_FOUND"
        for path in ("/results", "/phases", "/history", "/participants", "/looks"):
            program("GET", f"/experiments/{foreign}{path}", 404)
        program("POST", f"/experiments/{foreign}/assign", 404, json={"unit_id": "u1"})
        program("DELETE", f"/experiments/{foreign}", 404, headers={"If-Match": '"v1"'})
        for path in ("/imports", "/audit", "/users", "/keys", "/snapshot", "/metrics"):
            text = str(program("GET", path, 200))
            assert hidden not in text.lower().replace(" ", "-"), path
        sql = {"sql": "SELECT name FROM experiments"}
        assert program("POST", "/sql", 200, json=sql)["data"]["rows"] == [[mine]]
        error = program("GET", "/organisations", 403)["error"]
        assert error["code"] == "OPERATOR_ONLY"
        program("POST", "/organisations", 403, json={"name": "Mine"})

    inbox = server.workspace / "inbox"
    (inbox / "sohne-co").mkdir(parents=True)
    (inbox / "first.csv").write_text(TABLE, encoding="utf-8")
    (inbox / "sohne-co" / "second.csv").write_text(TABLE, encoding="utf-8")
    for program, own, foreign in (
        (ours, "first.csv", "second.csv"), (other, "second.csv", "first.csv"),
    ):  # fmt: skip
        program("POST", "/imports", 201, json={"inbox": own})
        for name in (foreign, f"../{foreign}", f"sohne-co/{foreign}"):
            program("POST", "/imports", 404, json={"inbox": name})
