"""What holds in every dialect, and what a hostile client gets."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from experiments_core.api.app import FACADES
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import InvalidInputError
from experiments_core.services import experiments, keys, library, projects
from experiments_core.services.workspace import Workspace
from tests.api.facades import (
    kaireon,
    test_crewkit,
    test_krafter,
    test_shortkit,
    test_stamn,
)
from tests.api.facades.conftest import World
from tests.api.facades.rules import holds


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a client of a service sends, and how it is answered.

    Attributes:
        system: Name in ``external_ids`` and in the audit trail.
        body: Makes an experiment.
        wrong: Status of a body that breaks a rule.
        request_id: Its name in an error.
        start: Path and body that start an experiment.
    """

    system: str
    here: str
    body: dict[str, Any]
    wrong: int = 422
    request_id: str = "requestId"
    start: tuple[str, str, Any] = ("POST", "/start", None)


DIALECTS = (
    Dialect("crewkit", test_crewkit.HERE, test_crewkit.BODY, request_id="request_id"),
    Dialect("krafter", test_krafter.HERE, test_krafter.BODY, request_id="request_id"),
    Dialect("stamn", test_stamn.HERE, test_stamn.BODY,
            start=("PATCH", "/status", {"status": "running"})),
    Dialect("kaireon", kaireon.HERE, kaireon.BODY, 400,
            start=("PUT", "", {"status": "active"})),
    Dialect("shortkit", test_shortkit.HERE, test_shortkit.BODY),
)  # fmt: skip


def each(test: Callable[..., None]) -> Callable[[Workspace, World], None]:
    """Run a test for every dialect, in one workspace, each with an admin's key of its own."""
    wanted = set(inspect.signature(test).parameters)

    def run(ws: Workspace, world: World) -> None:
        for dialect in DIALECTS:
            made = keys.create_key(ws, LOCAL, f"{dialect.system} client", role="admin")
            own = World(world.server, made.secret or "")
            given = {"dialect": dialect, "ws": ws, "world": own}
            try:
                test(**{name: value for name, value in given.items() if name in wanted})
            except BaseException as error:
                error.add_note(f"in the dialect of {dialect.system}")
                raise

    run.__doc__ = test.__doc__
    return run


def newest(ws: Workspace) -> Experiment:
    """The experiment that was made last."""
    return max(
        experiments.list_experiments(ws, LOCAL), key=lambda one: (one.created_at, one.id)
    )


def data_of(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, answer.text
    body = answer.json()
    return body.get("data", body)


def is_refused(dialect: Dialect, answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details", dialect.request_id}
    assert error[dialect.request_id] == answer.headers.get(
        "x-request-id", error[dialect.request_id]
    )
    assert "Traceback" not in answer.text


def start(world: World, dialect: Dialect, ident: str, **options: Any) -> httpx.Response:
    method, verb, body = dialect.start
    return world.send(method, f"{dialect.here}/{ident}{verb}", json=body or {}, **options)


@holds(
    rule="a key in Authorization: Bearer or X-API-Key; without one, or with a wrong one, 401"
)
@each
def test_a_key_is_needed(dialect: Dialect, world: World):
    wrong: tuple[dict[str, str], ...] = (
        {}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}, {"X-API-Key": "x"},
        {"Authorization": f"Bearer {world.token}x"},
    )  # fmt: skip
    for headers in wrong:
        for method, body in (("GET", None), ("POST", dialect.body)):
            answer = world(method, dialect.here, body, headers=headers)
            is_refused(dialect, answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert world("GET", dialect.here, headers={"X-API-Key": world.token}).status_code == 200


SEEN = {
    "crewkit": {"crewkit"}, "krafter": {"krafter"}, "stamn": {"stamn"}, "kaireon": {"kaireon"},
    "shortkit": {"shortkit", "krafter", "crewkit"},
}  # fmt: skip


@holds(
    rule="a list has what the organisation has and the dialect can tell, whichever door it "
    "came by, and nothing else; what is not listed so is not found by its id"
)
def test_a_list_has_what_the_dialect_can_tell(ws: Workspace, world: World):
    made = {one.system: data_of(world("POST", one.here, one.body))["id"] for one in DIALECTS}
    world("POST", "/api/v1/experiments", {"name": "Subject line", "type": "email"})
    assert len(experiments.list_experiments(ws, LOCAL)) == 6
    for dialect in DIALECTS:
        listed = {one["id"] for one in data_of(world("GET", dialect.here))}
        seen = {name for name, ident in made.items() if plain_id(ident) in
                {plain_id(one) for one in listed}}  # fmt: skip
        assert (dialect.system, seen, len(listed)) == (
            dialect.system, SEEN[dialect.system], len(seen),
        )  # fmt: skip
        for other, ident in made.items():
            if dialect.system != "krafter":  # it has no path that reads one
                found = world("GET", f"{dialect.here}/{ident}").status_code
                assert found == (200 if other in seen else 404), (dialect.system, other)


def plain_id(ident: str) -> str:
    """An id without the form that a dialect gives it."""
    return ident.removeprefix("exp_").replace("-", "")


@holds(rule="another organisation's experiment is 404, and so is one outside a key's projects")
@each
def test_what_is_not_yours_is_not_there(dialect: Dialect, ws: Workspace, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    shop = f"shop-{dialect.system}"
    projects.create_project(ws, LOCAL, {"name": shop, "key": shop})
    made = keys.create_key(ws, LOCAL, shop, role="admin", projects=(shop,))
    foreign = keys.create_key(ws, replace(LOCAL, org_id="other"), shop, role="admin")
    for key in (made, foreign):
        other = World(world.server, key.secret or "")
        is_refused(dialect, start(other, dialect, one["id"]), 404)
        is_refused(dialect, other.send("DELETE", f"{dialect.here}/{one['id']}"), 404, 405)
        listed = other("GET", dialect.here)
        if listed.status_code == 404:  # crewkit's path names the organisation
            is_refused(dialect, listed, 404)
        else:
            assert data_of(listed) == []


@holds(rule="roles and scopes: a viewer's key, or one that may only read, changes nothing: 403")
@each
def test_a_reader_changes_nothing(dialect: Dialect, ws: Workspace, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    narrow = keys.create_key(ws, LOCAL, "r", role="admin", scopes=("experiments:read",))
    for reader in (world.as_role(ws, "viewer"), World(world.server, narrow.secret or "")):
        assert reader("GET", dialect.here).status_code == 200
        is_refused(dialect, reader("POST", dialect.here, dialect.body), 403)
        is_refused(dialect, start(reader, dialect, one["id"]), 403)


@holds(rule="keys may be issued as kr_live_, sk_live_ and sk_, and a present one registered")
@each
def test_a_key_has_the_form_that_the_client_expects(
    dialect: Dialect, ws: Workspace, world: World
):
    for prefix in ("kr_live_", "sk_live_", "sk_"):
        text = keys.create_key(ws, LOCAL, prefix, role="viewer", prefix=prefix).secret or ""
        assert text.startswith(prefix)
        assert World(world.server, text)("GET", dialect.here).status_code == 200
    old = f"old-key-of-{dialect.system}-clients"
    keys.register_key(ws, LOCAL, old, "old", role="viewer")
    assert World(world.server, old)("GET", dialect.here).status_code == 200


@holds(rule="the keys that the documents print are refused, unless UPSHOT_TEST_KEYS=1")
def test_printed_keys_are_refused(ws: Workspace):
    ws.settings = replace(ws.settings, test_keys=False)
    for text in ("kr_live_abc123def456", "sk_live_your_secret_key"):
        with pytest.raises(InvalidInputError):
            keys.register_key(ws, LOCAL, text, "old", role="viewer")


@holds(rule="an id of the old service (external_ids) finds the experiment, and is printed")
@each
def test_the_id_of_the_old_service_is_kept(dialect: Dialect, ws: Workspace, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    found = newest(ws)
    old = {"external_ids": {dialect.system: "old_123"}}
    experiments.edit_experiment(ws, LOCAL, found.id, old, version=found.version)
    assert one["id"] != "old_123"
    answer = start(world, dialect, "old_123")
    assert data_of(answer)["id"] == "old_123"
    listed = {shown["id"] for shown in data_of(world("GET", dialect.here))}
    assert ("old_123" in listed, one["id"] in listed) == (True, False)
    assert experiments.get_experiment(ws, LOCAL, found.id).status == "running"


@holds(rule="Idempotency-Key: the same POST has one effect; another body is refused")
@each
def test_a_retry_makes_nothing_twice(dialect: Dialect, world: World):
    def post(body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": f"once-{dialect.system}"}
        return world.send("POST", dialect.here, json=body, headers=headers)

    before = len(data_of(world("GET", dialect.here)))
    first, again = post(dialect.body), post(dialect.body)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    is_refused(dialect, post(dialect.body | {"name": "Other"}), dialect.wrong)
    assert len(data_of(world("GET", dialect.here))) == before + 1


@holds(rule="no ETag is asked for; an If-Match that is sent is honoured: 412 when stale")
@each
def test_if_match_may_be_sent(dialect: Dialect, ws: Workspace, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    found = newest(ws)
    renamed = {"description": "Changed"}
    experiments.edit_experiment(ws, LOCAL, found.id, renamed, version=found.version)
    stale = start(world, dialect, one["id"], headers={"If-Match": f'"v{found.version}"'})
    is_refused(dialect, stale, 412)
    is_refused(dialect, start(world, dialect, one["id"], headers={"If-Match": "x"}), 400)
    fresh = start(world, dialect, one["id"], headers={"If-Match": f'"v{found.version + 1}"'})
    assert fresh.status_code == 200, fresh.text


@holds(rule="metrics are made on first use; one of that name and another kind is left alone")
@each
def test_metrics_are_made_once(dialect: Dialect, ws: Workspace, world: World):
    if not library.list_metrics(ws, LOCAL):
        for key in ("conversion", "success", "likes"):
            given = {"key": key, "name": key, "kind": "count", "column": "other"}
            library.define_metric(ws, LOCAL, given)
    body = dialect.body
    if dialect.system == "shortkit":
        body = body | {"metrics": ["completionRate", "likes"]}
    for number in range(2):
        more = {"key": f"once{number}"} if "key" in body else {}
        assert world("POST", dialect.here, body | more).status_code == 201
        first, *rest = newest(ws).metrics
        assert (first.kind.value, first.role.value) == ("proportion", "primary")
        if dialect.system == "shortkit":
            assert rest[0].columns == ("other",)  # whatever the library calls so
    assert library.get_metric(ws, LOCAL, "conversion").kind == "count"


@holds(rule="the audit trail names the dialect: compat/…")
@each
def test_the_audit_trail_names_the_door(dialect: Dialect, ws: Workspace, world: World):
    world("POST", dialect.here, dialect.body)
    found = newest(ws)
    made = experiments.history(ws, LOCAL, found.id)
    assert {one.via for one in made} == {f"compat/{dialect.system}"}
    assert made[0].verb == "create"


@holds(rule="times are ISO 8601 in UTC, to the second, with Z")
@each
def test_times_end_with_z(dialect: Dialect, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    times = [value for name, value in one.items() if name.lower().endswith(("_at", "at"))]
    for time in filter(None, times):
        assert len(time) == 20
        assert time.endswith("Z")


ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    -1e308,
    2**63 - 1,
    -(2**63),
    "",
    " ",
    "x" * 50_000,
    "\u202e",
    "\u0000",
    "\ud7ff\U0001f642",
    "e\u0301",
    "<script>",
    "' OR 1=1 --",
    "../../etc",
    "%00",
    [],
    {},
    [[]],
    [None],
    [{}],
    {"a": []},
    {"$ne": 1},
    ["x"] * 300,
    [1, "a", None],
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Places inside a body."""
    found = [at] if at else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, inner in items:
        found += paths(inner, (*at, name))
    return found


def changed(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """The body with something else at one place."""
    if not at:
        return new
    first, *rest = at
    inner = changed(value[first], tuple(rest), new)
    if isinstance(value, dict):
        return {**value, first: inner}
    return [inner if i == first else one for i, one in enumerate(value)]


@holds(rule="any value at any place of a body: taken or refused in the service's form, no 5xx")
@each
def test_odd_values_anywhere(dialect: Dialect, world: World):
    draw = random.Random(dialect.system)  # noqa: S311  which cases, no secret
    one = data_of(world("POST", dialect.here, dialect.body))
    cases = [(at, odd) for at in paths(dialect.body) for odd in ODD]
    for number, (at, odd) in enumerate(draw.sample(cases, min(60, len(cases)))):
        body = changed(dialect.body, at, odd)
        if "key" in body and at != ("key",):
            body["key"] = f"k{number}"
        sent = [("POST", dialect.here, body)]
        if dialect.system != "krafter":
            method = "PUT" if dialect.system == "kaireon" else "PATCH"
            sent.append((method, f"{dialect.here}/{one['id']}", {at[0]: body[at[0]]}))
        for method, path, content in sent:
            answer = world(method, path, content)
            if answer.status_code >= 300:
                is_refused(dialect, answer, 400, 404, 409, 413, 422)
    assert world("GET", dialect.here).status_code == 200


RAW: tuple[bytes, ...] = (
    b"", b"null", b"[]", b"7", b'"x"', b"{", b"{]}", b'{"name": NaN}', b'{"name": 1e999}',
    b'{"name": 9999999999999999999999}', b'{"name": "a", "name": "b"}', b"\xff\xfe", b"\x00",
    b'{"name": "\\ud800"}', b"[" * 5000, b'{"a":' * 40 + b"1" + b"}" * 40, b"name=x",
)  # fmt: skip


@holds(rule="a body that is no JSON object, too deep or too large: 400, 413 or 422, never 5xx")
@each
def test_bodies_that_are_no_object(dialect: Dialect, world: World):
    for content in RAW:
        answer = world.send("POST", dialect.here, content=content)
        is_refused(dialect, answer, 400, 413, 422)
    large = b'{"name": "' + b"x" * (2 * 1024 * 1024) + b'"}'
    is_refused(dialect, world.send("POST", dialect.here, content=large), 413)


@holds(rule="JSON is read whatever the Content-Type says, as curl -d sends it")
@each
def test_any_content_type_is_json(dialect: Dialect, world: World):
    types = ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=x")
    for number, kind in enumerate(types):
        body = dialect.body | ({"key": f"k{number}"} if "key" in dialect.body else {})
        headers = {"Content-Type": kind}
        content = httpx.Request("POST", "http://t", json=body).content
        answer = world.send("POST", dialect.here, content=content, headers=headers)
        assert answer.status_code == 201, answer.text


@holds(rule="a method that is not served is 405 with Allow, an unknown path 404, in this form")
@each
def test_unknown_methods_and_paths(dialect: Dialect, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    root = "/".join(dialect.here.split("/")[:3])
    for method in ("OPTIONS", "TRACE", "PROPFIND"):
        answer = world.send(method, dialect.here)
        is_refused(dialect, answer, 405)
        assert {"GET", "POST"} & set(answer.headers["allow"].split(", "))
    assert world.send("HEAD", dialect.here).status_code == 405
    is_refused(dialect, world.send("PATCH", dialect.here, json={}), 405)
    for path in ("", "/", "/nothing", "/%00", "/%2e%2e/x", "/Zo\u00eb"):
        is_refused(dialect, world.send("GET", f"{root}{path}"), 404)
    beyond = f"{dialect.here}/{one['id']}/nothing/here"
    is_refused(dialect, world.send("GET", beyond), 404)
    if dialect.system != "kaireon":
        is_refused(dialect, world.send("GET", f"{dialect.here}/"), 404, 405)


IDS = (
    "%00", "%0A", "' OR 1=1", "exp_" + "f" * 32, "exp_zz", "x" * 3000, "%F0%9F", "\u202e",
    "00000000-0000-0000-0000-000000000000", "..%2f..", "null",
)  # fmt: skip
QUERIES = (
    "limit=1e9", "limit=-1", "limit=99999999999999999999", "x=1", "limit=1&limit=2",
    "cursor=%00", "status=%F0%9F%99%82", "page=-1", "per_page=0",
)  # fmt: skip


@holds(rule="any id in a path and any query: 404 or refused, never 5xx")
@each
def test_odd_ids_and_queries(dialect: Dialect, world: World):
    for ident in IDS:
        is_refused(dialect, start(world, dialect, ident), 404, 405)
        answer = world.send("DELETE", f"{dialect.here}/{ident}")
        is_refused(dialect, answer, 404, 405)
    for query in QUERIES:
        answer = world.send("GET", f"{dialect.here}?{query}")
        if answer.status_code != 200:
            is_refused(dialect, answer, 400, 422)


@holds(rule="of identical requests at once each is answered; a unique key is made once")
@each
def test_many_at_once(dialect: Dialect, world: World):
    one = data_of(world("POST", dialect.here, dialect.body))
    body = dialect.body | ({"key": "same"} if "key" in dialect.body else {})
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: world("POST", dialect.here, body), range(6)))
        began = list(pool.map(lambda _: start(world, dialect, one["id"]), range(4)))
    codes = sorted(answer.status_code for answer in made)
    assert codes == ([201] + [400] * 5 if "key" in dialect.body else [201] * 6)
    idempotent = dialect.system == "kaireon"
    assert sorted(answer.status_code for answer in began) == (
        [200] * 4 if idempotent else [200, 409, 409, 409]
    )
    keyed = {"Idempotency-Key": f"at-once-{dialect.system}"}
    with ThreadPoolExecutor(4) as pool:
        body = dialect.body | ({"key": "keyed"} if "key" in dialect.body else {})
        tried = list(pool.map(
            lambda _: world.send("POST", dialect.here, json=body, headers=keyed), range(4)
        ))  # fmt: skip
    known = {data_of(answer)["id"] for answer in tried if answer.status_code == 201}
    assert len(known) == 1
    assert {answer.status_code for answer in tried} <= {201, 409}


def test_the_dialects_here_are_those_that_are_served():
    assert {one.system for one in DIALECTS} == {door.via.removeprefix("compat/")
                                                for _, door in FACADES}  # fmt: skip
