"""How a site looks, set by its office: at once, at the field that is wrong, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2
import psycopg
import pytest

from overround.core import principal
from overround.db.logins import Role
from overround.people import tenants
from overround.web.pages.office_theme import FEATURES
from tests.support.edge import AT, Edge, opened

Urls = Mapping[Role, str]

API = "/api/v1/office/theme"
PAGE = {"Accept": "text/html"}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect width="4" height="4"/></svg>'
GOOD: dict[str, Any] = {
    "name": "Acme Bet",
    "brand": "#1d4ed8",
    "accent": "#b45309",
    "font": "humanist",
    "heading_font": "serif",
    "layout": "compact",
    "contact": {"email": "help@acme.example", "phone": "+43 1 234567"},
    "features": {"live": True, "casino": False},
}


async def send(client: httpx2.AsyncClient, **fields: str) -> httpx2.Response:
    headers = {**PAGE, "Content-Type": "application/x-www-form-urlencoded"}
    return await client.post("/office/theme", content=urlencode(fields), headers=headers)


async def audited(edge: Edge, host: str) -> list[tuple[Any, ...]]:
    tenant_id = edge.tenants[host].id
    async with edge.worker_db.reading(tenant_id) as conn:
        cur = await conn.execute(
            "SELECT actor_kind, before, after FROM audit WHERE action = 'tenant.theme' ORDER BY at"
        )
        return await cur.fetchall()


def test_a_theme_is_public_as_soon_as_it_is_saved(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as visitor:
            boss = await edge.staff("boss", "site.manage")
            nothing = (await boss.get(API)).json()
            assert (nothing["brand"], nothing["contact"], nothing["features"]) == (None, {}, {})
            saved = await boss.put(API, json=GOOD)
            assert saved.status_code == 200, saved.text
            assert {k: v for k, v in saved.json().items() if v is not None} == {
                **GOOD,
                "colours": saved.json()["colours"],
            }
            assert (await boss.get(API)).json() == saved.json()
            # Published by the request itself: nothing else runs here that would.
            shown = (await visitor.get("/acme/api/public/load-theme")).json()
            assert (shown["name"], shown["colours"]["brand"]) == ("Acme Bet", "#1d4ed8")
            assert shown["fonts"] == {"body": "humanist", "heading": "serif"}
            page = (await visitor.get("/", headers=PAGE)).text
            assert "mailto:help@acme.example" in page
            assert "tel:+431234567" in page
            other = (await edge.client("sakura").get("/sakura/api/public/load-theme")).json()
            assert other["name"] == "sakura"
            back = await boss.put(API, json={})
            assert back.json()["brand"] is None
            ((kind, before, after), (_, again, empty)) = await audited(edge, "acme")
            assert (kind, before, after["theme"]) == ("staff", {"theme": None}, GOOD)
            assert (again["theme"], empty) == (GOOD, {"theme": {}})
            assert await audited(edge, "sakura") == []

    asyncio.run(story())


def test_every_fault_is_told_at_its_field(database_urls: Urls) -> None:
    wrong: dict[str, Any] = {
        **GOOD,
        "brand": "red",
        "heading_font": "Comic Sans",
        "logo": "https://elsewhere.example/logo.png",
        "contact": {"email": "help", "url": "javascript:alert(1)"},
    }

    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "site.manage")
            refused = await boss.put(API, json=wrong)
            assert (refused.status_code, refused.json()["code"]) == (422, "theme_logo")
            pointers = [one["pointer"] for one in refused.json()["errors"]]
            fields = ["brand", "contact/email", "contact/url", "heading_font", "logo"]
            assert sorted(pointers) == [f"#/{field}" for field in fields]
            for unknown in ({"css": "x"}, {"contact": {"fax": "1"}}, {"features": {"x": True}}):
                assert (await boss.put(API, json=unknown)).json()["code"] == "invalid"
            # The page says the same, beside what was typed.
            typed = {"brand": '"red', "email": "help", "name": "Acme <b>", "live": "on"}
            page = await send(boss, **typed, step="save")
            assert page.status_code == 422
            for name in ("brand", "email"):
                assert f'aria-describedby="problem-{name}' in page.text
                assert f'id="problem-{name}"' in page.text
            assert 'value="&#34;red"' in page.text
            assert "Acme &lt;b&gt;" in page.text
            assert "<b>" not in page.text.replace("<b>Home", "")
            assert (await boss.get(API)).json()["name"] is None

    asyncio.run(story())


def test_a_form_is_looked_at_saved_and_taken_back(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "site.manage")
            typed = {"name": "Acme Bet", "brand": "#1d4ed8", "logo": SVG, "live": "on"}
            seen = await send(boss, **typed, step="show")
            assert seen.status_code == 200
            assert "/office/theme/preview.css?brand=%231d4ed8" in seen.text
            assert 'src="data:image/svg+xml;base64,' in seen.text
            assert (await boss.get(API)).json()["brand"] is None
            style = await boss.get("/office/theme/preview.css?brand=%231d4ed8&font=evil%7D")
            assert style.headers["content-type"].startswith("text/css")
            assert style.text.startswith(".preview{--brand:#1d4ed8;")
            saved = await send(boss, **typed, step="save")
            assert (saved.status_code, saved.headers["location"]) == (303, "/office/theme?saved=1")
            kept = (await boss.get(API)).json()
            assert kept["logo"].startswith("data:image/svg+xml;base64,")
            assert kept["features"] == {one: one == "live" for one in FEATURES}
            page = (await boss.get("/office/theme?saved=1", headers=PAGE)).text
            assert 'value="#1d4ed8"' in page
            assert "Saved." in page
            gone = await send(boss, **typed, step="reset")
            assert gone.status_code == 303
            assert (await boss.get(API)).json()["logo"] is None

    asyncio.run(story())


def test_who_may_not_change_the_site_sees_it_or_does_not(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            reader = await edge.staff("reader", "site.read")
            page = await reader.get("/office/theme", headers=PAGE)
            assert page.status_code == 200
            assert ('value="save"' in page.text, "readonly" in page.text) == (False, True)
            assert (await reader.put(API, json=GOOD)).status_code == 403
            assert (await send(reader, name="Mine", step="save")).status_code == 403
            clerk, ann = await edge.staff("clerk", "bets.read"), await edge.player("ann")
            for nobody in (clerk, ann):
                for path in (API, "/office/theme", "/office/theme/preview.css"):
                    assert (await nobody.get(path, headers=PAGE)).status_code == 403
            assert "/office/theme" not in (await clerk.get("/office", headers=PAGE)).text

    asyncio.run(story())


def test_nobody_sets_the_looks_of_another_tenant(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "site.manage", host="sakura")
            token = boss.headers["Authorization"].removeprefix("Bearer ")
            foreign = await edge.client("acme", token=token).put(API, json=GOOD)
            assert foreign.status_code == 401
            acme, sakura = edge.tenants["acme"].id, edge.tenants["sakura"].id
            with pytest.raises(psycopg.errors.CheckViolation, match="no such tenant"):
                async with edge.app_db.transaction(sakura) as conn:
                    await tenants.set_theme(conn, principal.system(acme), GOOD, AT)
            # The api's login changes the looks and nothing else of a tenant.
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with edge.app_db.transaction(acme) as conn:
                    await conn.execute("UPDATE tenant SET fee_bps = 0 WHERE id = %s", [acme])

    asyncio.run(story())


def test_the_longest_theme_and_the_most_origins_are_kept(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            acme = principal.system(edge.tenants["acme"].id)
            label = "a" * 63
            many = [f"https://{label}.{label}.{label}.{label}.{n:02}" for n in range(20)]
            logo = "data:image/png;base64,iVBORw0KGgo" + "A" * 11_965 + "="
            async with edge.worker_db.transaction(acme.tenant_id) as conn:
                await tenants.set_origins(conn, acme, many, AT)
                found = await tenants.set_theme(conn, acme, {**GOOD, "logo": logo}, AT)
            assert tenants.theme_of(found.settings, "").logo == logo

    asyncio.run(story())
