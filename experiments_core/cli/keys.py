"""``upshot keys create | list | revoke``: let programs in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, minute, say, table
from experiments_core.domain.documents import moment_text, read_moment
from experiments_core.services import keys
from experiments_core.services.keys import ApiKey

PATH = "/api/v1/keys"


def run(arguments: Sequence[str]) -> int:
    """Make, list or end keys."""
    options = _parser().parse_args(arguments)
    act: Any = options.act
    act(options)
    return 0


def _create(options: argparse.Namespace) -> None:
    token = sys.stdin.readline().strip() if options.token_stdin else None
    scopes = [scope for part in options.scopes for scope in part.split(",") if scope]
    ends = read_moment(options.expires) if options.expires else None
    told: dict[str, Any] = {
        "role": options.role, "scopes": scopes, "projects": options.project,
    }  # fmt: skip

    def there(body: dict[str, Any]) -> dict[str, Any]:
        if ends is not None:
            body["expires_at"] = moment_text(ends)
        if token is not None:
            body["token"] = token
        return body

    prefix = {} if token is not None else {"prefix": options.prefix}
    made = either(
        settle(workspace=options.workspace),
        lambda ws, actor: _body(
            keys.create_key(ws, actor, options.name, expires_at=ends, **prefix, **told)
            if token is None
            else keys.register_key(ws, actor, token, options.name, expires_at=ends, **told)
        ),
        lambda server: server.ask(PATH, there({"name": options.name, **prefix, **told})),
        options.organisation,
    )
    if token is None:
        sys.stderr.write("This key is shown once; keep it where secrets are kept.\n")
        say(made["key"])
    else:
        say(f"{made['shown']} is registered as “{made['name']}”.")


def _list(options: argparse.Namespace) -> None:
    found = either(
        settle(workspace=options.workspace),
        lambda ws, actor: [_body(key) for key in keys.list_keys(ws, actor)],
        lambda server: server.everything(PATH),
        options.organisation,
    )
    if not found:
        say("There is no key. Make one: upshot keys create --name NAME")
        return
    rows = [
        (key["name"], key["shown"], key["role"],
         minute(key["last_used_at"] or "never"), _state(key), " ".join(key["scopes"]))
        for key in found
    ]  # fmt: skip
    say(table(("name", "key", "role", "last used", "state", "scopes"), rows, left=range(6)))


def _revoke(options: argparse.Namespace) -> None:
    ended = either(
        settle(workspace=options.workspace),
        lambda ws, actor: _body(keys.revoke_key(ws, actor, options.key)),
        lambda server: server.ask(f"{PATH}/{_quoted(options.key)}", method="DELETE"),
        options.organisation,
    )
    say(f"{ended['shown']} (“{ended['name']}”) is revoked.")


def _body(key: ApiKey) -> dict[str, Any]:
    used: datetime | None = key.last_used_at
    return {
        "name": key.name,
        "shown": key.shown,
        "role": key.role.name.lower(),
        "scopes": [scope.value for scope in key.scopes],
        "last_used_at": None if used is None else moment_text(used),
        "expires_at": None if key.expires_at is None else moment_text(key.expires_at),
        "revoked_at": None if key.revoked_at is None else moment_text(key.revoked_at),
        "key": key.secret,
    }


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    return f"until {minute(key['expires_at'])}" if key["expires_at"] else "good"


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415  only where a server is asked

    return quote(text, safe="")


def _parser() -> Parser:
    parser = Parser("upshot keys", description="Let programs in.")
    verbs = parser.add_subparsers(metavar="create | list | revoke", required=True)
    create = verbs.add_parser("create", help="make a key; it is printed once")
    create.set_defaults(act=_create)
    create.add_argument("--name", required=True, help="what people call it")
    create.add_argument("--role", default="editor", choices=("viewer", "editor", "admin"))
    create.add_argument(
        "--scopes", nargs="*", default=[], help="all that the role can use when left out"
    )
    create.add_argument("--project", action="append", default=[], help="only this project")
    create.add_argument("--expires", help="when it ends by itself: 2027-01-31T00:00:00Z")
    create.add_argument(
        "--prefix", default="up_live_", choices=("up_live_", "kr_live_", "sk_live_", "sk_")
    )
    create.add_argument(
        "--token-stdin", action="store_true",
        help="register a key that a service has already: its full text from standard input",
    )  # fmt: skip
    listed = verbs.add_parser("list", help="every key, the newest first")
    listed.set_defaults(act=_list)
    revoke = verbs.add_parser("revoke", help="end a key at once")
    revoke.set_defaults(act=_revoke)
    revoke.add_argument("key", help="its id, name or visible part")
    for verb in (create, listed, revoke):
        say_where(verb)
    return parser
