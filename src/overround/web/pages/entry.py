"""Log in, register, log out: plain forms that lead back to where one came from."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from overround.kit.routes import Visitor
from overround.web.pages import forms
from overround.web.pages.fields import Field, told
from overround.web.pages.shell import ForVisitor, Shell

FIELDS: Final = (
    Field("display_name", "Name to show", "1 to 60 characters"),
    Field("email", "E-mail address", "254 characters at most"),
    Field("password", "Password", "12 to 1024 characters"),
)

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

Next = Annotated[str | None, Query(max_length=500)]


@router.get("/login", response_model=None)
async def login_page(shell: ForVisitor, next: Next = None) -> Response:  # noqa: A002
    """The form to log in."""
    if shell.caller is not None:
        return forms.go(_home(shell.caller.kind, next))
    return _entry(shell, "login.html", {}, next)


@router.post("/login", response_model=None)
async def log_in(request: Request, shell: ForVisitor) -> Response:
    """Log in and go on; staff go to the office."""
    fields = await forms.read(request)
    body = {
        "email": fields.get("email", ""),
        "password": fields.get("password", ""),
        "permanent": fields.get("permanent") == "on",
    }
    answer = await forms.ask(request, "POST", "/api/v1/session", body)
    if not answer.ok:
        return _entry(shell, "login.html", fields, fields.get("next"), answer)
    return forms.go(_home(answer.body["user"]["kind"], fields.get("next")), answer)


@router.get("/register", response_model=None)
async def register_page(shell: ForVisitor, next: Next = None) -> Response:  # noqa: A002
    """The form of a new player."""
    if shell.caller is not None:
        return forms.go(_home(shell.caller.kind, next))
    return _entry(shell, "register.html", {}, next)


@router.post("/register", response_model=None)
async def register(request: Request, shell: ForVisitor) -> Response:
    """Open an account, log in and go on to the first deposit."""
    fields = await forms.read(request)
    body = {name: fields.get(name, "") for name in ("email", "password", "display_name")}
    answer = await forms.ask(request, "POST", "/api/v1/users", body)
    if not answer.ok:
        return _entry(shell, "register.html", fields, fields.get("next"), answer)
    return forms.go("/deposit", answer)


@router.post("/logout", response_model=None)
async def log_out(request: Request, _: Visitor) -> Response:
    """Log out; whoever was not logged in is not told so."""
    answer = await forms.ask(request, "DELETE", "/api/v1/session")
    return forms.go("/", answer if answer.ok else None)


def _home(kind: str, asked: str | None) -> str:
    return forms.local_path(asked, "/office" if kind == "staff" else "/")


def _entry(
    shell: Shell,
    template: str,
    fields: dict[str, str],
    asked: str | None,
    answer: forms.Answer | None = None,
) -> HTMLResponse:
    # A password is never written back into a page.
    kept = {name: fields.get(name, "") for name in ("email", "display_name", "permanent")}
    problem = told(answer.body, FIELDS) if answer else None
    values = {
        "fields": kept,
        "next": forms.local_path(asked, ""),
        "problem": problem,
        "faults": forms.faults(problem),
    }
    return shell.page(template, values, status=answer.status if answer else 200)
