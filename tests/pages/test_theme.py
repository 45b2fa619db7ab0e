"""A tenant's looks: nothing foreign gets into a page, and everything on it can be read."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from overround.core import principal
from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.people import tenants
from overround.people.tenants import theme
from tests.support.edge import AT, opened

Urls = Mapping[Role, str]
CSS = Path(theme.__file__).parents[2] / "web" / "static" / "site.css"

HOSTILE = (
    "#fff;} body{display:none",
    "red",
    "#FFFFFF",
    "#12345",
    "#1234567",
    "#12345g",
    "url(//evil.example)",
    "</style><script>alert(1)</script>",
    "expression(1)",
    "#123456\n",
    "",
    None,
    7,
)


def refused(field: str, value: object) -> str:
    with pytest.raises(Invalid) as caught:
        theme.checked({field: value})
    return caught.value.code


@pytest.mark.parametrize("value", HOSTILE)
def test_a_theme_cannot_carry_css_or_html(value: object) -> None:
    assert refused("brand", value) == "theme_colour"
    assert refused("accent", value) == "theme_colour"
    # What stands in the database all the same is not shown.
    found = theme.of({"theme": {"brand": value, "accent": value}}, "Acme")
    assert found.brand == theme.DEFAULT_BRAND
    assert re.fullmatch(r":root\{[-a-z0-9:#;(),]+\}\n", found.css())


@pytest.mark.parametrize(
    "logo",
    [
        "https://evil.example/x.png",
        "//evil.example/x.png",
        "javascript:alert(1)",
        "data:text/html;base64,AAAA",
        'data:image/png;base64,AA"onerror=alert(1)',
        "data:image/svg+xml,<svg onload=alert(1)>",
        "/static/../secret.png",
        "data:image/png;base64," + "A" * theme.LOGO_LENGTH_MAX,
    ],
)
def test_a_logo_is_a_small_picture_of_ours(logo: str) -> None:
    assert refused("logo", logo) == "theme_logo"
    assert theme.of({"theme": {"logo": logo}}, "Acme").logo is None


def test_a_good_theme_is_kept_and_a_field_that_nobody_knows_is_refused() -> None:
    good = {"name": "Acme Bet", "brand": "#1d4ed8", "logo": "data:image/png;base64,iVBORw0KGgo="}
    assert theme.checked(good) == good
    found = theme.of({"theme": good}, "Acme")
    assert (found.name, found.brand, found.logo) == ("Acme Bet", "#1d4ed8", good["logo"])
    assert refused("css", "body{}") == "theme_field"
    assert refused("name", "two\nlines") == "theme_name"
    assert refused("name", "x" * 41) == "theme_name"
    assert theme.of({"theme": ["not", "a", "theme"]}, "Acme").name == "Acme"


def test_every_colour_can_be_read() -> None:
    rng = random.Random(7)
    colours = [f"#{rng.randrange(2**24):06x}" for _ in range(500)]
    for colour in [*colours, "#000000", "#ffffff", "#808080", "#777777", "#ffff00", "#0000ff"]:
        found = theme.of({"theme": {"brand": colour}}, "Acme")
        assert theme.contrast(found.on_brand, found.brand) >= theme.CONTRAST_MIN
        assert theme.contrast(found.accent_light, theme.LIGHT_SURFACE) >= theme.CONTRAST_MIN
        assert theme.contrast(found.accent_light, "#ffffff") >= theme.CONTRAST_MIN
        assert theme.contrast(found.accent_dark, theme.DARK_SURFACE) >= theme.CONTRAST_MIN
        assert theme.contrast(found.accent_dark, "#0f1318") >= theme.CONTRAST_MIN


def test_contrast_is_the_one_of_wcag() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


def test_the_themes_are_measured_on_the_surfaces_of_the_style_sheet() -> None:
    pair = f"--raised: light-dark({theme.LIGHT_SURFACE}, {theme.DARK_SURFACE});"
    assert pair in CSS.read_text(encoding="utf-8")


def test_the_texts_of_the_style_sheet_can_be_read_on_all_its_surfaces() -> None:
    tokens = dict(re.findall(r"--(\w+): light-dark\(([^)]+)\);", CSS.read_text(encoding="utf-8")))
    pairs = {name: value.split(", ") for name, value in tokens.items()}
    for scheme in (0, 1):
        for text in ("text", "muted", "up", "down", "warn"):
            for surface in ("bg", "surface", "raised"):
                ratio = theme.contrast(pairs[text][scheme], pairs[surface][scheme])
                assert ratio >= theme.CONTRAST_MIN, (text, surface, scheme, ratio)


def test_a_theme_is_set_shown_and_the_tenants_own(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            acme = principal.system(edge.tenants["acme"].id)
            async with edge.worker_db.transaction(acme.tenant_id) as conn:
                asked = {"name": "Acme Bet", "brand": "#1d4ed8"}
                await tenants.set_theme(conn, acme, asked, AT)
            pages: dict[str, str] = {}
            for host in ("acme", "sakura"):
                async with edge.client(host) as client:
                    page = (await client.get("/", headers={"Accept": "text/html"})).text
                    address = re.findall(r'href="(/theme\.css[^"]*)"', page)[0]
                    css = await client.get(address)
                    assert css.headers["cache-control"].endswith("immutable")
                    pages[host] = page + css.text
            assert "Acme Bet" in pages["acme"]
            assert "--brand:#1d4ed8" in pages["acme"]
            assert "Acme Bet" not in pages["sakura"]
            assert f"--brand:{theme.DEFAULT_BRAND}" in pages["sakura"]

    asyncio.run(story())
