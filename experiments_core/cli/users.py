"""``upshot users add | list | disable | link``: let people in."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, say, table
from experiments_core.domain.project import FIRST_ORGANISATION
from experiments_core.services import people
from experiments_core.services.people import LINK_HOURS, User

PATH = "/api/v1/users"


def run(arguments: Sequence[str]) -> int:
    """Add, list, switch off or invite people."""
    options = _parser().parse_args(arguments)
    act: Any = options.act
    act(options)
    return 0


def _add(options: argparse.Namespace) -> None:
    made = either(
        settle(workspace=options.workspace),
        lambda ws, actor: _body(people.add_user(
            ws, actor, options.email, name=options.name, role=options.role
        )),
        lambda server: server.ask(
            PATH, {"email": options.email, "name": options.name, "role": options.role}
        ),
        options.organisation,
    )  # fmt: skip
    first = options.organisation == FIRST_ORGANISATION.slug
    there = "" if first else f" --organisation {options.organisation}"
    invite = f"upshot users link {made['email']}{there}"
    say(f"{made['email']} is {made['role']} now. Invite: {invite}")


def _list(options: argparse.Namespace) -> None:
    found = either(
        settle(workspace=options.workspace),
        lambda ws, actor: [_body(user) for user in people.list_users(ws, actor)],
        lambda server: server.everything(PATH),
        options.organisation,
    )
    if not found:
        say("There is nobody. Add the first: upshot users add EMAIL --role admin")
        return
    rows = [(user["email"], user["name"], user["role"], _state(user)) for user in found]
    say(table(("e-mail", "name", "role", "state"), rows, left=range(4)))


def _disable(options: argparse.Namespace) -> None:
    settings = settle(workspace=options.workspace)
    either(
        settings,
        lambda ws, actor: _body(
            people.change_user(ws, actor, options.email, {"active": False})
        ),
        lambda server: server.ask(f"{PATH}/{options.email}/disable", {}),
        options.organisation,
    )
    say(f"{options.email} is switched off and signed out everywhere.")


def _link(options: argparse.Namespace) -> None:
    settings = settle(workspace=options.workspace)
    path = either(
        settings,
        lambda ws, actor: f"/sign-in?link={people.make_link(ws, actor, options.email)}",
        lambda server: f"{server.url}{server.ask(f'{PATH}/{options.email}/link', {})['path']}",
        options.organisation,
    )
    shown = (
        path if path.startswith("http") else f"http://{settings.address}:{settings.port}{path}"
    )
    say(f"Good once, for {LINK_HOURS} hours:\n{shown}")


def _body(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role.name.lower(),
        "active": user.active,
        "signed_up": user.signed_up,
    }


def _state(user: dict[str, Any]) -> str:
    if not user["active"]:
        return "switched off"
    return "active" if user["signed_up"] else "invited"


def _parser() -> Parser:
    parser = Parser("upshot users", description="Let people in.")
    verbs = parser.add_subparsers(metavar="add | list | disable | link", required=True)
    add = verbs.add_parser("add", help="add a person")
    add.set_defaults(act=_add)
    add.add_argument("email", help="they sign in with it")
    add.add_argument("--name", default="", help="what others see")
    add.add_argument(
        "--role", default="viewer", choices=("viewer", "editor", "admin"),
        help="what they may do (viewer)",
    )  # fmt: skip
    listed = verbs.add_parser("list", help="everybody")
    listed.set_defaults(act=_list)
    disable = verbs.add_parser("disable", help="switch a person off, signed out everywhere")
    disable.set_defaults(act=_disable)
    disable.add_argument("email", help="of the person")
    link = verbs.add_parser("link", help="a one-time link to choose a password")
    link.set_defaults(act=_link)
    link.add_argument("email", help="of the person")
    for verb in (add, listed, disable, link):
        say_where(verb)
    return parser
