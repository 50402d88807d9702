from __future__ import annotations

import pytest

from experiments_core.domain.access import (
    REQUIRED,
    Actor,
    Permission,
    Role,
    Scope,
    holds,
    require,
)
from experiments_core.errors import ForbiddenError

# One line per permission; + passes, - is refused, for viewer, editor, admin.
GRID = {
    "read": "+++",
    "results": "+++",
    "forecast": "+++",
    "comment": "+++",
    "edit": "-++",
    "assign": "-++",
    "events": "-++",
    "import": "-++",
    "inbox": "--+",
    "deploy": "--+",
    "reopen": "--+",
    "purge": "--+",
    "erase": "--+",
    "admin": "--+",
    "sql": "--+",
    "organisations": "---",
}
BY_KEYS = [permission for permission in Permission if not REQUIRED[permission].operator]


@pytest.mark.parametrize(
    ("permission", "role", "allowed"),
    [
        (permission, role, mark == "+")
        for permission, line in GRID.items()
        for role, mark in zip(Role, line, strict=True)
    ],
)
def test_every_cell_of_the_permission_table(permission: str, role: Role, *, allowed: bool):
    actor = Actor("x", role)
    if allowed:
        require(actor, Permission(permission))
    else:
        with pytest.raises(ForbiddenError):
            require(actor, Permission(permission))


def test_the_grid_covers_every_permission():
    assert set(GRID) == set(Permission)


def test_a_refusal_names_the_role_that_is_needed():
    with pytest.raises(ForbiddenError) as refused:
        require(Actor("x", Role.EDITOR), Permission.REOPEN)
    assert str(refused.value) == (
        "Reopening needs the admin role. You are an editor. Ask an admin."
    )
    assert refused.value.code == "ROLE_TOO_LOW"


def test_some_things_only_the_operator_of_the_machine_may_do():
    require(Actor("operator", Role.ADMIN, operator=True), Permission.ORGANISATIONS)
    for scopes in (None, frozenset(Scope)):
        with pytest.raises(ForbiddenError, match="Only the operator"):
            require(Actor("x", Role.ADMIN, scopes=scopes), Permission.ORGANISATIONS)


@pytest.mark.parametrize("permission", BY_KEYS)
@pytest.mark.parametrize("scope", Scope)
def test_a_key_also_needs_the_scope(permission: Permission, scope: Scope):
    actor = Actor("x", Role.ADMIN, scopes=frozenset({scope}))
    if holds(frozenset({scope}), REQUIRED[permission].scope):
        require(actor, permission)
    else:
        with pytest.raises(ForbiddenError) as refused:
            require(actor, permission)
        assert refused.value.code == "SCOPE_MISSING"


def test_writing_experiments_includes_reading_them_and_nothing_else_includes_anything():
    pairs = {(a, b) for a in Scope for b in Scope if a != b and holds(frozenset({a}), b)}
    assert pairs == {(Scope.EXPERIMENTS_WRITE, Scope.EXPERIMENTS_READ)}


@pytest.mark.parametrize("permission", Permission)
def test_a_viewers_key_never_writes_whatever_its_scopes(permission: Permission):
    actor = Actor("x", Role.VIEWER, scopes=frozenset(Scope))
    if permission in {Permission.READ, Permission.RESULTS}:
        require(actor, permission)
    else:
        with pytest.raises(ForbiddenError):
            require(actor, permission)
