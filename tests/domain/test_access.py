from __future__ import annotations

import pytest

from experiments_core.domain.access import Actor, Permission, Role, require
from experiments_core.errors import ForbiddenError

# One line per permission; + passes, - is refused, for viewer, editor, admin.
GRID = {
    "read": "+++",
    "edit": "-++",
    "import": "-++",
    "inbox": "--+",
    "deploy": "--+",
    "reopen": "--+",
    "purge": "--+",
}


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
