"""The sign-in page: plain HTML, one form, no script."""

from __future__ import annotations

import html
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from experiments_core.api.envelope import status_of
from experiments_core.errors import RateLimitedError, UpshotError
from experiments_core.services import accounts, workspace

LARGEST = 10_000
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --paper: #fff; --line: #dde1e5;
        --tint: #f5f6f8; --act: #2a4fa3; --on: #fff; --bad: #94200f }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --paper: #11161c;
        --line: #323c47; --tint: #1a212a; --act: #8fb1f5; --on: #11161c; --bad: #e8704f } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 22rem; margin: 14vh auto 0; padding: 0 1.2rem }
h1 { font: 600 26px/1.2 Georgia, serif; margin: 0 0 1.2rem }
label { display: block; margin: .9rem 0 .25rem }
input { font: inherit; color: inherit; background: var(--tint); width: 100%;
        padding: .5rem .6rem; border: 1px solid var(--line); border-radius: 4px;
        box-sizing: border-box }
button { font: inherit; font-weight: 600; color: var(--on); background: var(--act); border: 0;
         border-radius: 4px; padding: .55rem 1.1rem; margin-top: 1.3rem; cursor: pointer }
:focus-visible { outline: 2px solid var(--act); outline-offset: 2px }
.bad { color: var(--bad) }
"""


def routes() -> list[Route]:
    """Sign-in and sign-out, beside the pages."""
    return [
        Route("/sign-in", show, methods=["GET"]),
        Route("/sign-in", enter, methods=["POST"]),
        Route("/sign-out", ask, methods=["GET"]),
        Route("/sign-out", leave, methods=["POST"]),
    ]


async def show(request: Request) -> Response:
    """The form: e-mail and password, or with a one-time link a password to choose."""
    link, onward = (request.query_params.get(name, "") for name in ("link", "next"))
    if link and not await run_in_threadpool(accounts.link_is_good, workspace.current(), link):
        sentence = "This link was used already or has run out. Ask an admin for a new one."
        return _page("Sign in", f"<p class=bad>{sentence}</p>", 401)
    return _page(*_form(link, "", onward=_page_of_ours(onward)), 200)


async def enter(request: Request) -> Response:
    """Check what was typed, set the cookie, go to the pages."""
    if not _from_here(request):
        return _page("Sign in", "<p class=bad>This form was sent from elsewhere.</p>", 403)
    if int(request.headers.get("content-length") or LARGEST + 1) > LARGEST:
        return _page("Sign in", "<p class=bad>This is no sign-in.</p>", 413)
    form = await request.form(max_files=0, max_fields=5)
    said = {name: str(form.get(name, "")) for name in ("email", "password", "link", "next")}
    onward = _page_of_ours(said["next"])
    ws = workspace.current()
    try:
        if said["link"]:
            token = await run_in_threadpool(
                accounts.choose_password, ws, said["link"], said["password"]
            )
        else:
            address = request.client.host if request.client else ""
            token = await run_in_threadpool(
                accounts.sign_in, ws, said["email"], said["password"], address
            )
    except UpshotError as error:
        again = _form(said["link"], str(error), said["email"], onward)
        refused = _page(*again, status_of(error))
        if isinstance(error, RateLimitedError):
            refused.headers["Retry-After"] = str(error.retry_after)
        return refused
    answer = RedirectResponse(onward, status_code=303)
    answer.set_cookie(
        accounts.COOKIE,
        token,
        max_age=int(accounts.SESSION.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


async def ask(_request: Request) -> Response:
    """A page with one button: signing out changes something, so it is a POST."""
    return _page("Sign out", "<form method=post><button>Sign out</button></form>", 200)


async def leave(request: Request) -> Response:
    """End the sign-in and forget the cookie."""
    if not _from_here(request):
        return _page("Sign out", "<p class=bad>This form was sent from elsewhere.</p>", 403)
    token = request.cookies.get(accounts.COOKIE, "")
    await run_in_threadpool(accounts.sign_out, workspace.current(), token)
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(accounts.COOKIE)
    return answer


def _page_of_ours(asked: str) -> str:
    """The page that somebody wanted to see before signing in; the first one for any other."""
    ours = re.fullmatch(r"/(?![/\\])[!-~]{0,2000}", asked)
    return asked if ours and "\\" not in asked and not asked.startswith("/sign-") else "/"


def _form(link: str, fault: str, email: str = "", onward: str = "/") -> tuple[str, str]:
    told = f"<p class=bad role=alert>{html.escape(fault)}</p>" if fault else ""
    if link:
        title, fields = (
            "Choose a password",
            (
                f'<input type=hidden name=link value="{html.escape(link)}">'
                f"<label for=p>Password, at least {accounts.SHORTEST} characters</label>"
                f"<input id=p name=password type=password autocomplete=new-password required "
                f"minlength={accounts.SHORTEST} autofocus>"
            ),
        )
    else:
        title, fields = (
            "Sign in",
            (
                "<label for=e>E-mail</label>"
                f"<input id=e name=email type=email autocomplete=username required autofocus "
                f'value="{html.escape(email)}">'
                "<label for=p>Password</label>"
                "<input id=p name=password type=password autocomplete=current-password "
                "required>"
            ),
        )
    fields += f'<input type=hidden name=next value="{html.escape(onward)}">'
    button = f"<button>{'Save and sign in' if link else 'Sign in'}</button>"
    return title, f'{told}<form method=post action="/sign-in">{fields}{button}</form>'


def _page(title: str, body: str, status: int) -> HTMLResponse:
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title} · Upshot</title>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><main><h1>{title}</h1>{body}</main>",
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def _from_here(request: Request) -> bool:
    """Whether the browser says that the form came from this server."""
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.headers.get('host')}"
