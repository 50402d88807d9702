"""People, keys, the audit trail: what an admin looks after."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from experiments_core.api import envelope
from experiments_core.api.answers import bad_cursor, file, listed, many, one, write_cursor
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.lifecycle import HistoryAnswer, event_body
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, Moment, One, Text, moment
from experiments_core.domain.access import Permission
from experiments_core.services import auditing, keys, people
from experiments_core.services.auditing import Asked
from experiments_core.services.keys import ApiKey
from experiments_core.services.people import User

door = Door("Administration")
Role = Literal["viewer", "editor", "admin"]
Filter = Annotated[str | None, Query(max_length=200)]


class NewKey(Body):
    """A key to be made."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    role: Role = "editor"
    scopes: Annotated[list[str], Field(max_length=20, default_factory=list)]
    projects: Annotated[list[str], Field(max_length=100, default_factory=list)]
    expires_at: Moment | None = None
    prefix: Literal["up_live_", "kr_live_", "sk_live_", "sk_"] = "up_live_"
    token: Annotated[str, Field(min_length=1, max_length=512)] | None = None


class KeyAnswer(Answer):
    """A key; ``key`` is its text, in the answer that makes it and in no other."""

    id: str
    name: str
    role: Role
    scopes: list[str]
    projects: list[str]
    shown: str
    created_by: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    key: str | None


class NewUser(Body):
    """A person to be added."""

    email: Annotated[str, Field(min_length=3, max_length=255)]
    name: Text = ""
    role: Role = "viewer"


class UserChange(Body):
    """What changes about a person; inactive people cannot sign in."""

    name: Text | None = None
    role: Role | None = None
    active: bool | None = None


class UserAnswer(Answer):
    """A person."""

    id: str
    email: str
    name: str
    role: Role
    active: bool
    signed_up: bool
    version: int
    created_by: str
    created_at: str
    updated_at: str


class LinkAnswer(Answer):
    """The path of a one-time link to choose a password; good for a day."""

    path: str | None


class ChainAnswer(Answer):
    """Whether the audit trail is as it was written."""

    intact: bool
    first_bad_event: int | None


@door.get("/keys", Rule(permission=Permission.ADMIN, answer=Many[KeyAnswer]))
def list_keys(call: The, page: Page) -> Response:
    """Every key of the organisation, the newest first."""
    found = keys.list_keys(call.ws, call.actor)
    return listed(call.request_id, found, page, _age, key_body, down=True)


@door.post(
    "/keys",
    Rule(
        permission=Permission.ADMIN, answer=One[KeyAnswer], status=201, secret=("key", "secret")
    ),
)
def create_key(call: The, body: NewKey) -> Response:
    """Make a key, or with ``token`` register one that a migrating service has already."""
    if body.token is not None:
        made = keys.register_key(
            call.ws, call.actor, body.token, body.name, role=body.role, scopes=body.scopes,
            projects=body.projects, expires_at=body.expires_at,
        )  # fmt: skip
    else:
        made = keys.create_key(
            call.ws, call.actor, body.name, role=body.role, scopes=body.scopes,
            projects=body.projects, expires_at=body.expires_at, prefix=body.prefix,
        )  # fmt: skip
    return one(key_body(made), status=201)


@door.delete(
    "/keys/{key}", Rule(permission=Permission.ADMIN, answer=One[KeyAnswer], errors=(409,))
)
def revoke_key(call: The, key: str) -> Response:
    """End a key; the next request that carries it is refused."""
    return one(key_body(keys.revoke_key(call.ws, call.actor, key)))


@door.get("/users", Rule(permission=Permission.ADMIN, answer=Many[UserAnswer]))
def list_users(call: The, page: Page) -> Response:
    """Everybody of the organisation, by address."""
    found = people.list_users(call.ws, call.actor)
    return listed(call.request_id, found, page, lambda user: (user.email,), user_body)


@door.post("/users", Rule(permission=Permission.ADMIN, answer=One[UserAnswer], status=201))
def add_user(call: The, body: NewUser) -> Response:
    """Add a person; a link lets them choose a password."""
    made = people.add_user(call.ws, call.actor, body.email, name=body.name, role=body.role)
    return one(user_body(made), status=201, version=made.version)


@door.patch(
    "/users/{user}",
    Rule(permission=Permission.ADMIN, answer=One[UserAnswer], version=True, errors=(409,)),
)
def change_user(call: The, user: str, body: UserChange) -> Response:
    """Change name or role, or switch a person off."""
    changes = body.said()
    saved = people.change_user(call.ws, call.actor, user, changes, version=call.version())
    return one(user_body(saved), version=saved.version)


@door.post("/users/{user}/disable", Rule(permission=Permission.ADMIN, answer=One[UserAnswer]))
def disable_user(call: The, user: str) -> Response:
    """Switch a person off; every sign-in of theirs ends."""
    saved = people.change_user(call.ws, call.actor, user, {"active": False})
    return one(user_body(saved), version=saved.version)


@door.post(
    "/users/{user}/link",
    Rule(permission=Permission.ADMIN, answer=One[LinkAnswer], status=201, secret=("path",)),
)
def make_link(call: The, user: str) -> Response:
    """Make a one-time link by which a person chooses a password."""
    token = people.make_link(call.ws, call.actor, user)
    return one({"path": f"/sign-in?link={token}"}, status=201)


@door.get("/audit", Rule(permission=Permission.ADMIN, answer=Many[HistoryAnswer]))
def read_audit(
    call: The,
    page: Page,
    *,
    actor: Filter = None,
    verb: Filter = None,
    object: Filter = None,  # noqa: A002  its name in the query
    object_id: Filter = None,
) -> Response:
    """What was done, the newest first."""
    before = None
    if page.after is not None:
        before = page.after[0]
        if len(page.after) != 1 or type(before) is not int or before > 2**62:
            raise bad_cursor()
    asked = Asked(actor, verb, object, object_id)
    found = auditing.read_audit(call.ws, call.actor, asked, before=before, limit=page.limit + 1)
    shown = found[: page.limit]
    following = write_cursor((shown[-1].seq,)) if len(found) > len(shown) else None
    total = auditing.count_audit(call.ws, call.actor, asked)
    return many(
        call.request_id,
        [event_body(event) for event in shown],
        total=total,
        limit=page.limit,
        next_cursor=following,
    )


@door.get("/audit.csv", Rule(permission=Permission.ADMIN, files=("text/csv",)))
def export_audit(
    call: The,
    *,
    actor: Filter = None,
    verb: Filter = None,
    object: Filter = None,  # noqa: A002  its name in the query
    object_id: Filter = None,
) -> Response:
    """The same as a file."""
    asked = Asked(actor, verb, object, object_id)
    return file(auditing.audit_csv(call.ws, call.actor, asked), "audit.csv", "text/csv")


@door.get(
    "/audit/check", Rule(permission=Permission.ADMIN, answer=One[ChainAnswer], rate="compute")
)
def check_audit(call: The) -> Response:
    """Recompute the chain of hashes that an edit of the past would break."""
    bad = auditing.first_bad_event(call.ws, call.actor)
    return one({"intact": bad is None, "first_bad_event": bad})


def key_body(key: ApiKey) -> dict[str, Any]:
    """Render a key."""
    body = asdict(key)
    return body | {
        "role": key.role.name.lower(),
        "scopes": [scope.value for scope in key.scopes],
        "projects": list(key.projects),
        "key": key.secret,
        **{
            name: moment(getattr(key, name))
            for name in ("created_at", "expires_at", "last_used_at", "revoked_at")
        },
    }


def user_body(user: User) -> dict[str, Any]:
    """Render a person."""
    return asdict(user) | {
        "role": user.role.name.lower(),
        "created_at": moment(user.created_at),
        "updated_at": moment(user.updated_at),
    }


envelope.shows_current(User, user_body)


def _age(key: ApiKey) -> tuple[Any, ...]:
    return (key.created_at.timestamp(), key.id)
