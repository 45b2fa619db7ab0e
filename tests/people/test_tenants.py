"""Tenants: what may be asked for, what never changes, and who may write."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from overround.core import ids, principal
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.logins import Role
from overround.people import tenants
from overround.people.tenants import NewTenant, rules
from tests.support.edge import AT, opened, set_status

Urls = Mapping[Role, str]
ASKED = NewTenant("acme", "Acme", "ops@acme.example", "EUR", "Europe/Vienna")
ID = UUID(int=7)


def test_the_defaults_follow_the_currency() -> None:
    found = rules.tenant(ASKED, ID, AT)
    assert (found.stake_min_minor, found.payout_max_minor) == (10, 10_000_000)
    yen = rules.tenant(replace(ASKED, currency="JPY"), ID, AT)
    assert (yen.stake_min_minor, yen.payout_max_minor) == (10, 100_000)
    dinar = rules.tenant(replace(ASKED, currency="KWD"), ID, AT)
    assert (dinar.stake_min_minor, dinar.payout_max_minor) == (100, 100_000_000)
    assert found.book_id == found.id
    assert found.demo_deposits is False


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (replace(ASKED, subdomain=""), "subdomain"),
        (replace(ASKED, subdomain="admin"), "subdomain"),
        (replace(ASKED, subdomain="Acme"), "subdomain"),
        (replace(ASKED, subdomain="a.b"), "subdomain"),
        (replace(ASKED, subdomain="-a"), "subdomain"),
        (replace(ASKED, subdomain="a\n"), "subdomain"),
        (replace(ASKED, subdomain="a" * 64), "subdomain"),
        (replace(ASKED, name=" "), "name"),
        (replace(ASKED, name="a\x00b"), "name"),
        (replace(ASKED, name="a" * 101), "name"),
        (replace(ASKED, contact_email="nobody"), "contact_email"),
        (replace(ASKED, contact_email="a@b\n"), "contact_email"),
        (replace(ASKED, contact_email="a" * 65 + "@b.example"), "contact_email"),
        (replace(ASKED, currency="eur"), "unknown_currency"),
        (replace(ASKED, currency="XXX"), "unknown_currency"),
        (replace(ASKED, time_zone="Mars/Olympus"), "time_zone"),
        (replace(ASKED, time_zone="../etc/passwd"), "time_zone"),
        (replace(ASKED, time_zone=""), "time_zone"),
        (replace(ASKED, stake_min_minor=0), "limits"),
        (replace(ASKED, stake_min_minor=100, payout_max_minor=99), "limits"),
        (replace(ASKED, payout_max_minor=10**16), "limits"),
        (replace(ASKED, fee_bps=-1), "fee_bps"),
        (replace(ASKED, fee_bps=10_001), "fee_bps"),
        (replace(ASKED, margin_bps=-1), "margin_bps"),
        (replace(ASKED, margin_bps=5_001), "margin_bps"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(changed: NewTenant, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.tenant(changed, ID, AT)
    assert refused.value.code == code


def test_a_subdomain_is_taken_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            caller = principal.system(ids.new(AT))
            async with edge.worker_db.transaction(caller.tenant_id) as conn:
                with pytest.raises(Conflict) as refused:
                    await tenants.create(conn, caller, ASKED, AT)
            assert refused.value.code == "subdomain_taken"
            async with edge.worker_db.reading(None) as conn:
                found = await tenants.everyone(conn)
                assert [t.subdomain for t in found] == ["acme", "sakura"]
                with pytest.raises(NotFound):
                    await tenants.by_subdomain(conn, "nobody")

    asyncio.run(story())


def test_currency_and_time_zone_are_fixed_at_creation(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls):
            pass

    asyncio.run(story())
    for change in ("currency = 'USD'", "time_zone = 'UTC'", "id = uuidv7()"):
        with psycopg.connect(database_urls["worker"]) as conn:
            with pytest.raises(psycopg.errors.CheckViolation) as refused:
                conn.execute(f"UPDATE tenant SET {change} WHERE subdomain = 'acme'".encode())
            assert refused.value.diag.constraint_name == "tenant_fixed"
    with psycopg.connect(database_urls["worker"]) as conn:
        assert conn.execute("UPDATE tenant SET currency = currency").rowcount == 2


def test_the_api_reads_tenants_and_changes_none_and_nobody_deletes(database_urls: Urls) -> None:
    forbidden: list[tuple[Role, bytes]] = [
        ("app", b"UPDATE tenant SET status = 'active'"),
        ("app", b"INSERT INTO tenant SELECT * FROM tenant"),
        ("app", b"DELETE FROM tenant"),
        ("worker", b"DELETE FROM tenant"),
        ("worker", b"TRUNCATE tenant"),
        ("reader", b"SELECT * FROM tenant"),
    ]
    for role, statement in forbidden:
        refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
        with psycopg.connect(database_urls[role]) as conn, refused:
            conn.execute(statement)


def test_a_closed_tenant_stays_closed_and_each_change_is_audited(database_urls: Urls) -> None:
    async def story() -> list[str]:
        async with opened(database_urls) as edge:
            await set_status(edge, "acme", "suspended")
            await set_status(edge, "acme", "closed")
            with pytest.raises(Conflict) as refused:
                await set_status(edge, "acme", "active")
            assert refused.value.code == "tenant_closed"
            async with edge.app_db.reading(edge.tenants["acme"].id) as conn:
                rows = await conn.execute("SELECT action FROM audit ORDER BY id")
                return [row[0] for row in await rows.fetchall()]

    assert asyncio.run(story()) == ["tenant.create", "tenant.status", "tenant.status"]
