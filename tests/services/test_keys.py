"""API keys: shown once, kept as a hash, refused the moment they end."""

from __future__ import annotations

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role, Scope
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthorizedError,
)
from experiments_core.services import keys, recognising
from experiments_core.services.operator_token import make_token
from experiments_core.services.workspace import Workspace
from tests.services.conftest import Clock

FOREIGN = "kr_live_9f8e7d6c5b4a39281706"


def test_a_key_stands_for_role_and_scopes(ws: Workspace):
    made = keys.create_key(ws, LOCAL, "ci", scopes=["flags:read", "assign"])
    assert made.secret is not None
    assert made.secret.startswith(f"{made.shown}_")
    assert len(made.secret) == len("up_live_") + 12 + 1 + 43
    caller = recognising.recognise(ws, made.secret)
    assert caller.actor.name == "key:ci"
    assert caller.actor.role is Role.EDITOR
    assert caller.actor.scopes == {Scope.EXPERIMENTS_READ, Scope.RESULTS_READ, Scope.ASSIGN}


def test_any_changed_character_makes_it_another_key(ws: Workspace):
    made = keys.create_key(ws, LOCAL, "ci")
    token = made.secret or ""
    recognising.recognise(ws, token)
    for place in range(0, len(token), 3):
        other = "x" if token[place] != "x" else "y"
        with pytest.raises(UnauthorizedError):
            recognising.recognise(ws, token[:place] + other + token[place + 1 :])


def test_a_revoked_key_is_refused_at_once(ws: Workspace):
    made = keys.create_key(ws, LOCAL, "ci")
    recognising.recognise(ws, made.secret or "")
    ended = keys.revoke_key(ws, LOCAL, made.id)
    assert ended.revoked_at is not None
    with pytest.raises(UnauthorizedError):
        recognising.recognise(ws, made.secret or "")
    with pytest.raises(ConflictError):
        keys.revoke_key(ws, LOCAL, made.id)
    with pytest.raises(NotFoundError):
        keys.revoke_key(ws, LOCAL, "nothing")


def test_a_key_ends_by_itself(ws: Workspace, clock: Clock):
    made = keys.create_key(ws, LOCAL, "ci", expires_at=clock.now.replace(hour=12))
    recognising.recognise(ws, made.secret or "")
    clock.wait(hours=4)
    with pytest.raises(UnauthorizedError):
        recognising.recognise(ws, made.secret or "")


def test_last_use_is_kept_to_the_minute(ws: Workspace, clock: Clock):
    made = keys.create_key(ws, LOCAL, "ci")
    clock.wait(seconds=90)
    assert recognising.recognise(ws, made.secret or "").touched
    recognising.touch(ws, made.id)
    ws.writer.close()  # what waits is written
    assert not recognising.recognise(ws, made.secret or "").touched
    assert keys.list_keys(ws, LOCAL)[0].last_used_at == clock.now.replace(second=0)


def test_a_service_may_bring_its_own_key(ws: Workspace):
    made = keys.register_key(ws, LOCAL, FOREIGN, "krafter")
    assert made.shown == "kr_live_9f8e…"
    assert recognising.recognise(ws, FOREIGN).actor.name == "key:krafter"
    with pytest.raises(UnauthorizedError):
        recognising.recognise(ws, f"{FOREIGN[:-1]}7")
    with pytest.raises(ConflictError):
        keys.register_key(ws, LOCAL, FOREIGN, "again")


@pytest.mark.parametrize(
    ("token", "rule"),
    (
        ("kr_live_abc123def456", "PRINTED_KEY"),
        ("sk_live_your_secret_key", "PRINTED_KEY"),
        ("<token-of-twenty-letters>", "PRINTED_KEY"),
        ("short", "LENGTH"),
        ("with a blank in its middle", "PATTERN"),
        ("naïve-key-of-a-service-000", "PATTERN"),
    ),
)
def test_a_key_that_is_no_secret_is_not_registered(ws: Workspace, token: str, rule: str):
    with pytest.raises(InvalidInputError) as refused:
        keys.register_key(ws, LOCAL, token, "x")
    assert rule in {problem.rule for problem in refused.value.details}
    assert token not in str(refused.value.details)


def test_no_secret_is_in_the_file_after_fifty_keys(ws: Workspace):
    made = [keys.create_key(ws, LOCAL, f"k{i}").secret or "" for i in range(50)]
    with ws.db.read() as cursor:
        tables = cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'upshot'"
        ).fetchall()
        text = "".join(
            str(cursor.execute(f'SELECT * FROM "{name}"').fetchall()) for (name,) in tables
        )
    assert "k49" in text
    assert not any(secret[-20:] in text for secret in made)


def test_only_an_admin_makes_keys(ws: Workspace):
    for role in (Role.VIEWER, Role.EDITOR):
        for act in (
            lambda actor: keys.create_key(ws, actor, "x"),
            lambda actor: keys.list_keys(ws, actor),
            lambda actor: keys.revoke_key(ws, actor, "x"),
        ):
            with pytest.raises(ForbiddenError):
                act(Actor("x", role))


def test_another_organisation_does_not_see_a_key(ws: Workspace):
    made = keys.create_key(ws, LOCAL, "ci")
    other = Actor("y", Role.ADMIN, "other")
    assert keys.list_keys(ws, other) == []
    with pytest.raises(NotFoundError):
        keys.revoke_key(ws, other, made.id)


def test_the_command_line_is_recognised_by_its_token(ws: Workspace, clock: Clock):
    caller = recognising.recognise(ws, make_token(ws.db.secret, clock.now))
    assert (caller.actor.name, caller.actor.role) == ("operator", Role.ADMIN)


def test_all_faults_of_a_new_key_are_told_at_once(ws: Workspace, clock: Clock):
    with pytest.raises(InvalidInputError) as refused:
        keys.create_key(
            ws, LOCAL, "", role="owner", scopes=["all"], expires_at=clock.now, prefix="x_"
        )
    fields = [problem.field for problem in refused.value.details]
    assert sorted(fields) == ["expires_at", "name", "prefix", "role", "scopes"]
