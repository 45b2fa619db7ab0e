"""How the tenant's site looks, for its office."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from overround.core.clock import millis
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Input, Now, Output
from overround.people.tenants import service, theme
from overround.people.tenants.model import Tenant
from overround.storefront import Shelf

router = APIRouter(prefix="/api/v1/office", tags=["people"])

# Longer than anything that a field may hold; what each may be is `theme.checked`'s to say.
Word = Annotated[str, Field(max_length=300)]

Reads = Annotated[Principal, Depends(routes.staff("site.read"))]
Manages = Annotated[Principal, Depends(routes.staff("site.manage"))]


class ContactIn(Input):
    """How players reach the operator."""

    email: Word | None = None
    phone: Word | None = None
    url: Word | None = None


class FeaturesIn(Input):
    """What a client of the theme shows; it forbids nothing."""

    live: bool | None = None
    combos: bool | None = None
    systems: bool | None = None
    cash_out: bool | None = None
    casino: bool | None = None


class ThemeIn(Input):
    """The looks as they are to be from now on; what is absent is the default's."""

    name: Word | None = None
    logo: Annotated[str, Field(max_length=theme.LOGO_LENGTH_MAX + 1_000)] | None = None
    brand: Word | None = None
    accent: Word | None = None
    font: Word | None = None
    heading_font: Word | None = None
    layout: Word | None = None
    contact: ContactIn | None = None
    features: FeaturesIn | None = None


class ColoursOut(Output):
    """The colours as they are shown: each can be read where it stands."""

    brand: str
    on_brand: str
    accent_light: str
    accent_dark: str


class ThemeOut(Output):
    """What was chosen, null where nothing was, and the colours that come of it."""

    name: str | None
    logo: str | None
    brand: str | None
    accent: str | None
    font: str | None
    heading_font: str | None
    layout: str | None
    contact: dict[str, str]
    features: dict[str, bool]
    colours: ColoursOut


def _shelf(request: Request) -> Shelf:
    found: Shelf = request.app.state.shelf
    return found


Shown = Annotated[Shelf, Depends(_shelf)]


@router.get("/theme")
async def chosen(caller: Reads, db: Db) -> ThemeOut:
    """The looks that were chosen."""
    async with db.reading(caller.tenant_id) as conn:
        return _theme_out(await service.by_id(conn, caller.tenant_id))


@router.put("/theme")
async def choose(body: ThemeIn, caller: Manages, db: Db, shelf: Shown, now: Now) -> ThemeOut:
    """Give the site these looks in place of those it had; they are public at once."""
    asked = body.model_dump(exclude_none=True)
    async with db.transaction(caller.tenant_id) as conn:
        tenant = await service.set_theme(conn, caller, asked, now)
    for name, snapshot in service.front_of(tenant, millis(now)).items():
        await shelf.publish(tenant.subdomain, name, snapshot)
    return _theme_out(tenant)


def _theme_out(tenant: Tenant) -> ThemeOut:
    shown = theme.of(tenant.settings, tenant.name)
    return ThemeOut.model_validate(
        {
            **dict.fromkeys(ThemeOut.model_fields),
            **theme.chosen(tenant.settings),
            "contact": dict(shown.contact),
            "features": dict(shown.features),
            "colours": {
                "brand": shown.brand,
                "on_brand": shown.on_brand,
                "accent_light": shown.accent_light,
                "accent_dark": shown.accent_dark,
            },
        }
    )
