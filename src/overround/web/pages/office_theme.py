"""The office's page for how the site looks: a form, what it would look like, and where it is wrong.

The preview is made of the page's own parts under a style sheet that is asked for with what the
form says, so a theme is looked at with the rules that it will be shown by, in both schemes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.people import tenants
from overround.web.pages import forms
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

API: Final = "/api/v1/office/theme"
WORDS: Final = ("name", "brand", "accent", "font", "heading_font", "layout", "logo")
# What the style sheet of the preview depends on.
STYLED: Final = ("brand", "accent", "font", "heading_font", "layout")
FEATURES: Final = {
    "live": "Events in play",
    "combos": "Combos",
    "systems": "Systems",
    "cash_out": "Cash-out",
    "casino": "Casino",
}

Reads = Annotated[Principal, Depends(routes.staff("site.read"))]
Manages = Annotated[Principal, Depends(routes.staff("site.manage"))]
Asked = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the form, by field; `problems` says by field why it was not taken."""

    fields: Mapping[str, str]
    problems: Mapping[str, str]

    @property
    def styled(self) -> str:
        """The address of the style sheet that the preview is shown by."""
        asked = {name: self.fields[name] for name in STYLED if self.fields.get(name)}
        return f"/office/theme/preview.css?{urlencode(asked)}"


@router.get("/office/theme")
async def looks(
    request: Request,
    caller: Reads,
    db: Db,
    now: Now,
    saved: Annotated[str, Query(max_length=1)] = "",
) -> HTMLResponse:
    """How the site looks, and the form to change it."""
    shell = await frame(request, db, caller, now)
    form = Form(_typed(tenants.theme_chosen(shell.tenant.settings)), {})
    return _page(shell, form, saved=bool(saved))


@router.post("/office/theme", response_model=None)
async def change(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Save what the form says, show what it would look like, or go back to the default."""
    fields = await forms.read(request)
    if fields.get("step") == "show":
        return _page(await frame(request, db, caller, now), _looked_at(fields))
    body = {} if fields.get("step") == "reset" else asked(fields)
    answer = await forms.ask(request, "PUT", API, body)
    if answer.ok:
        return RedirectResponse("/office/theme?saved=1", 303)
    return _page(await frame(request, db, caller, now), _refused(fields, answer.body), status=422)


@router.get("/office/theme/preview.css")
async def preview(
    _: Reads,
    brand: Asked = "",
    accent: Asked = "",
    font: Asked = "",
    heading_font: Asked = "",
    layout: Asked = "",
) -> Response:
    """The style of the preview: what is not good is the default's, as it is on the site."""
    said = {
        "brand": brand.lower(),
        "accent": accent.lower(),
        "font": font,
        "heading_font": heading_font,
        "layout": layout,
    }
    css = tenants.theme_of({"theme": said}, "").css(".preview")
    return Response(css, media_type="text/css", headers={"Cache-Control": "private, no-store"})


def asked(fields: Mapping[str, str]) -> dict[str, Any]:
    """The body for the API that the form means: an empty field chooses nothing."""
    said: dict[str, Any] = {
        name: value for name in WORDS if (value := fields.get(name, "").strip())
    }
    said |= {name: said[name].lower() for name in ("brand", "accent") if name in said}
    if "logo" in said:
        said["logo"] = _address(said["logo"])
    contact = {way: fields.get(way, "").strip() for way in tenants.CONTACTS}
    said["contact"] = {way: where for way, where in contact.items() if where}
    said["features"] = {name: fields.get(name) == "on" for name in FEATURES}
    return said


def _address(logo: str) -> str:
    """A logo as its address: the text of an SVG may stand in its place."""
    if not logo.startswith("<"):
        return logo
    return f"data:image/svg+xml;base64,{base64.b64encode(logo.encode()).decode()}"


def _typed(chosen: Mapping[str, Any]) -> dict[str, str]:
    """A theme as it stands in the form; a feature that nobody decided about is shown."""
    contact: Mapping[str, str] = chosen.get("contact", {})
    features: Mapping[str, bool] = chosen.get("features", {})
    on = {name: "on" for name in FEATURES if features.get(name, True)}
    return {**{name: str(chosen[name]) for name in WORDS if name in chosen}, **contact, **on}


def _looked_at(fields: Mapping[str, str]) -> Form:
    """What was typed, and what of it would not be taken."""
    said = asked(fields)
    return Form({**fields, **_logo(said)}, tenants.theme_problems(said))


def _refused(fields: Mapping[str, str], problem: Mapping[str, Any]) -> Form:
    found = {
        str(one["pointer"]).rpartition("/")[2]: str(one["detail"])
        for one in problem.get("errors", [])
    }
    # What no field is to blame for is said above them all.
    found = found or {"": str(problem.get("detail", "This was not taken."))}
    return Form({**fields, **_logo(asked(fields))}, found)


def _logo(said: Mapping[str, Any]) -> dict[str, str]:
    return {"logo": said["logo"]} if "logo" in said else {}


def _page(shell: Shell, form: Form, *, status: int = 200, saved: bool = False) -> HTMLResponse:
    logo = form.fields.get("logo", "")
    values = {
        "form": form,
        "saved": saved,
        "fonts": tenants.FONTS,
        "layouts": tenants.LAYOUTS,
        "features": FEATURES,
        "default_brand": tenants.DEFAULT_BRAND,
        "shown_name": form.fields.get("name", "").strip() or shell.tenant.name,
        # Only what would be taken is put into a page.
        "shown_logo": logo if logo and not tenants.theme_problems({"logo": logo}) else "",
    }
    return page(shell, "theme", values, status=status)
