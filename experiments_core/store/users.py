"""People, their sign-ins and one-time links as rows; of secrets only hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from experiments_core.store.catalog import aware, from_utc, kept, to_utc


@dataclass(frozen=True, slots=True)
class UserRow:
    """One person.

    Attributes:
        email: In lower case.
        password: argon2id; empty before the first sign-in.
    """

    id: str
    org_id: str
    email: str
    name: str
    role: str
    active: bool
    password: str
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LoginRow:
    """A sign-in or a one-time link."""

    digest: str
    user_id: str
    kind: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


_USER = (
    "id", "org_id", "email", "name", "role", "active", "password", "version", "created_by",
    "created_at", "updated_at",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_USER)} FROM users"


def insert_user(cursor: duckdb.DuckDBPyConnection, user: UserRow) -> None:
    """Write a new person."""
    values = [kept(getattr(user, name)) for name in _USER]
    cursor.execute(
        f"INSERT INTO users ({', '.join(_USER)}) VALUES ({', '.join('?' * len(_USER))})", values
    )


def update_user(cursor: duckdb.DuckDBPyConnection, user: UserRow, version: int) -> bool:
    """Write a changed person if the file still holds ``version``; tell whether it did."""
    return bool(cursor.execute(
        "UPDATE users SET name = ?, role = ?, active = ?, password = ?, version = ?, "
        "updated_at = ? WHERE id = ? AND version = ? RETURNING id",
        [user.name, user.role, user.active, user.password, user.version,
         to_utc(user.updated_at), user.id, version],
    ).fetchall())  # fmt: skip


def users_of(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[UserRow]:
    """Everybody of an organisation, by address."""
    return _users(cursor.execute(f"{_SELECT} WHERE org_id = ? ORDER BY email", [org_id]))


def user_by_email(cursor: duckdb.DuckDBPyConnection, email: str) -> UserRow | None:
    """Whoever signs in with this address."""
    return next(iter(_users(cursor.execute(f"{_SELECT} WHERE email = ?", [email]))), None)


def user_by_id(cursor: duckdb.DuckDBPyConnection, user_id: str) -> UserRow | None:
    """The person of a sign-in."""
    return next(iter(_users(cursor.execute(f"{_SELECT} WHERE id = ?", [user_id]))), None)


def insert_login(cursor: duckdb.DuckDBPyConnection, login: LoginRow) -> None:
    """Write a sign-in or a link."""
    cursor.execute(
        "INSERT INTO logins VALUES (?, ?, ?, ?, ?, ?)",
        [login.digest, login.user_id, login.kind, to_utc(login.created_at),
         to_utc(login.expires_at), to_utc(login.ended_at)],
    )  # fmt: skip


def find_login(cursor: duckdb.DuckDBPyConnection, digest: str, kind: str) -> LoginRow | None:
    """The sign-in or link of a token."""
    row = cursor.execute(
        "SELECT digest, user_id, kind, created_at, expires_at, ended_at FROM logins "
        "WHERE digest = ? AND kind = ?",
        [digest, kind],
    ).fetchone()
    if row is None:
        return None
    found, user_id, what, created, expires, ended = row
    return LoginRow(found, user_id, what, aware(created), aware(expires), from_utc(ended))


def end_login(cursor: duckdb.DuckDBPyConnection, digest: str, at: datetime) -> None:
    """Sign out, or use a link up."""
    cursor.execute(
        "UPDATE logins SET ended_at = ? WHERE digest = ? AND ended_at IS NULL",
        [to_utc(at), digest],
    )


def end_logins_of(
    cursor: duckdb.DuckDBPyConnection, user_id: str, at: datetime, kind: str = ""
) -> None:
    """End every sign-in and link of a person, or those of one kind."""
    cursor.execute(
        "UPDATE logins SET ended_at = ? "
        "WHERE user_id = ? AND ended_at IS NULL AND (? = '' OR kind = ?)",
        [to_utc(at), user_id, kind, kind],
    )


def _users(found: duckdb.DuckDBPyConnection) -> list[UserRow]:
    rows = []
    for row in found.fetchall():
        values = dict(zip(_USER, row, strict=True))
        for name in ("created_at", "updated_at"):
            values[name] = aware(values[name])
        rows.append(UserRow(**values))
    return rows
