"""No login reaches another tenant's rows, on any table, by any verb; and the probe would notice."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from overround import ops
from overround.betting import bets, risk, settlement
from overround.betting.offers import Setting, switch
from overround.betting.risk import Cap, PlayerRisk, Policy
from overround.core import ids
from overround.core.principal import Principal
from overround.db.logins import Role
from overround.people import cashier, sessions
from overround.roles.attach import Endpoints
from tests.db import probe
from tests.stories.world import AT, Pick, World, opened
from tests.support.waiting import until

Urls = Mapping[Role, str]

# The same for every tenant, so without a tenant_id and without row security. A new table without a
# tenant_id fails here until somebody has thought about it.
PLATFORM_TABLES: Final = frozenset(
    {
        "alert",
        "alias",
        "alias_vote",
        "cash_out_seal",
        "closing_price",
        "competition",
        "competition_alias",
        "edge",
        "event",
        "event_change",
        "event_score",
        "event_transition",
        "feed_batch",
        "feed_event",
        "inbox",
        "lease",
        "market",
        "match_decision",
        "match_queue",
        "match_refusal",
        "offer",
        "offer_revision",
        "participant",
        "poll",
        "poll_answer",
        "poll_provider",
        "price",
        "price_history",
        "price_history_piece",
        "price_refused",
        "provider_hour",
        "provider_standing",
        "quarantine",
        "result",
        "role_life",
        "schema_migration",
        "selection",
        "source",
        "status_report",
        "tenant",
        "work_due",
        "worker_key",
    }
)

# What runs with the owner's rights; each must be held by the forced policies, not by its care.
DEFINER_FUNCTIONS: Final = frozenset(
    {
        "api_key_charge_v1",
        "api_key_enter_v1",
        "bets_cash_out_lock_v1",
        "bets_cash_out_v1",
        "bets_lock_v1",
        "bets_place_free_v1",
        "bets_place_v1",
        "bets_place_waited_v1",
        "bets_replay_v1",
        "bets_settle_v1",
        "bets_wait_ends_v1",
        "bets_wait_v1",
        "cash_out_delay_v1",
        "cash_out_in_play_v1",
        "ledger_roll_up_v1",
        "offers_in_play_v1",
        "offers_switch_v1",
        "payment_decide_v1",
        "payment_request_v1",
        "payment_simulate_v1",
        "player_open_v1",
        "price_history_drop_v1",
        "price_history_piece_v1",
        "price_history_pieces_v1",
        "price_history_room_v1",
        "prices_move_v1",
        "revenue_day_post_v1",
        "risk_rebuilt_v1",
        "risk_stale_take_v1",
        "role_beat_v1",
        "settlement_stuck_v1",
        "tenant_open_v1",
        "tenant_theme_v1",
        "work_due_v1",
    }
)

_POLICY: Final = (
    "((tenant_id = ANY (( SELECT (string_to_array(NULLIF("
    "current_setting('overround.tenant_id'::text, true), ''::text), ','::text))::uuid[] "
    "AS string_to_array)::uuid[])) IS TRUE)"
)


@dataclass(frozen=True, slots=True)
class House:
    """A database with rows of two tenants on every tenant table."""

    urls: Urls
    superuser_url: str
    us: UUID
    them: UUID

    @contextmanager
    def as_(self, role: Role | None) -> Generator[probe.Plain]:
        """A connection of that login; None is the superuser, for whom no wall stands."""
        url = self.superuser_url if role is None else self.urls[role]
        with psycopg.connect(url, autocommit=True) as conn:
            yield conn


@pytest.fixture
def house(endpoints: Endpoints, database_urls: Urls) -> House:
    """Two tenants that have done everything there is to do."""

    async def furnish() -> tuple[UUID, UUID]:
        async with opened(database_urls) as world:
            return await furnished(world, "acme"), await furnished(world, "sakura")

    us, them = asyncio.run(furnish())
    name = str(conninfo_to_dict(database_urls["owner"])["dbname"])
    with psycopg.connect(endpoints.superuser_url(name)) as conn:
        conn.execute(
            "INSERT INTO debt SELECT tenant_id, id, 1, 1, %s FROM users WHERE kind = 'player'", [AT]
        )
        conn.execute("INSERT INTO risk_stale (tenant_id, event_id) SELECT id, id FROM tenant")
        for query in probe.PLAYED:
            conn.execute(query)
    return House(database_urls, endpoints.superuser_url(name), us, them)


async def furnished(world: World, name: str) -> UUID:
    """A tenant with a row on every tenant table."""
    tenant = await world.tenant(name)
    ann = await world.player("ann", name, cash_minor=10_000)
    home = await world.lay(Pick("E1", "1x2", "home"), 20_000, name)
    other = await world.lay(Pick(f"open {name}", "1x2", "home"), 20_000, name)
    for selection_id in (home, other):
        await world.place([world.slip("ann", 1_000, [(selection_id, 20_000)], tenant=name)], name)
    async with world.worker.transaction(tenant.id) as conn:
        await switch(conn, tenant.id, Setting("sport", "football"), AT)
        await ops.begin_run(conn, tenant.id, ids.derived(AT, "run", name), "a season", AT)
        await conn.execute(
            "INSERT INTO session (tenant_id, id, user_id, token_sha256, created_at, last_seen_at)"
            " VALUES (%s, %s, %s, sha256(%s), %s, %s)",
            [tenant.id, ids.derived(AT, "session", name), ann, name.encode(), AT, AT],
        )
        await sessions.add_key(conn, world.system(tenant.id), "bot", "free", None, AT)
    async with world.app.transaction(tenant.id) as conn:
        who = Principal(tenant.id, ann, "player")
        await cashier.withdraw(conn, who, "1.00", "w-1", bytes(32), AT)
        event_id = await world.event(f"open {name}")
        clerk = world.system(tenant.id)
        asked = settlement.Asked("k1", bytes(32))
        await settlement.propose(conn, clerk, event_id, settlement.Ruling("hold"), "why", asked, AT)
        await conn.execute(
            "INSERT INTO login_failure (tenant_id, subject_sha256, failures, last_failed_at)"
            " VALUES (%s, sha256('ann'), 1, %s)",
            [tenant.id, AT],
        )
    async with world.app.transaction(tenant.id) as conn:
        await risk.set_cap(conn, tenant.id, Cap("house", "house", 10**9))
        await risk.set_policy(conn, tenant.id, Policy(velocity_max=1))
        await risk.set_player(conn, tenant.id, PlayerRisk(ann, 10_000, 10_000, "", AT))
    async with world.worker.transaction(tenant.id) as conn:
        await conn.execute(
            "INSERT INTO risk_suspension (tenant_id, id, event_id, market_id, reason, measured,"
            " bound, at) VALUES (%s, %s, %s, %s, 'velocity', 2, 1, %s)",
            [tenant.id, ann, event_id, event_id, AT],
        )
    if name == "acme":
        await world.result("E1", {"ft": (0, 1)})
        await world.settle()
    else:
        # The second tenant's bet comes before the result in business time, as in a replay.
        await world.result("E1", {"ft": (0, 1)})
        async with world.worker.transaction(tenant.id) as conn:
            await conn.execute(
                "INSERT INTO revenue_day (tenant_id, day, currency, handle_minor, payout_minor,"
                " ggr_minor, fee_bps, fee_minor) VALUES (%s, %s, 'EUR', 100, 0, 100, 0, 0)",
                [tenant.id, AT.date()],
            )
    await world.close_days(name)
    return tenant.id


def test_every_tenant_table_is_forced_and_has_the_one_policy(house: House) -> None:
    with house.as_(None) as conn:
        tables = probe.tenant_tables(conn)
        assert len(tables) >= 16
        state = conn.execute(
            "SELECT relname::text, relrowsecurity AND relforcerowsecurity, relowner::regrole::text"
            " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%s)",
            [tables],
        ).fetchall()
        assert {(name, True, "overround_owner") for name in tables} == set(state)
        policies = conn.execute(
            "SELECT tablename::text, policyname::text, permissive, roles::text, cmd, qual,"
            " with_check FROM pg_policies"
        ).fetchall()
        expected = ("tenant_only", "PERMISSIVE", "{public}", "ALL", _POLICY, _POLICY)
        assert sorted(policies) == [(name, *expected) for name in tables]


def test_a_row_of_a_big_tenant_is_found_by_its_key(house: House) -> None:
    with house.as_("owner") as conn:
        conn.execute("SELECT set_config('overround.tenant_id', %s, false)", [str(house.us)])
        conn.execute("SET enable_seqscan = off")
        plan = conn.execute(
            "EXPLAIN SELECT 1 FROM account WHERE tenant_id = %s AND id = %s", [house.us, house.them]
        ).fetchall()
        (found_by,) = [line for (line,) in plan if "Index Cond" in line]
        assert "id = " in found_by
        assert "ANY" not in found_by


def test_the_other_tables_are_the_platforms(house: House) -> None:
    with house.as_(None) as conn:
        tables = conn.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
        assert {name for (name,) in tables} - set(probe.tenant_tables(conn)) == PLATFORM_TABLES


def test_no_view_looks_with_its_owners_eyes(house: House) -> None:
    with house.as_(None) as conn:
        views = conn.execute(
            "SELECT relname::text, coalesce(reloptions, '{}') @> ARRAY['security_invoker=true'],"
            " relkind::text FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
        ).fetchall()
        assert views
        assert [view for view in views if not view[1] or view[2] == "m"] == []


@pytest.mark.parametrize("role", ["app", "worker", "reader"])
def test_nobody_reads_or_writes_across_tenants(house: House, role: Role) -> None:
    with house.as_(None) as superuser:
        found = probe.targets(superuser, house.us, house.them)
        back = probe.targets(superuser, house.them, house.us)
    with house.as_(role) as conn:
        assert probe.leaks(conn, found, house.us, house.them) == []
        assert probe.leaks(conn, back, house.them, house.us) == []
        if role != "reader":
            # The probe's own eyes are open: what is ours, the login sees.
            conn.execute("SELECT set_config('overround.tenant_id', %s, false)", [str(house.us)])
            seen = [
                conn.execute(
                    sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(target.table))
                ).fetchone()
                for target in found
                if target.table != "replay_log"
            ]
            assert seen == [(t.ours,) for t in found if t.table != "replay_log"]


@pytest.mark.parametrize("role", ["app", "worker"])
def test_the_probe_fails_with_row_security_off(house: House, role: Role) -> None:
    """The same probe on a database whose walls were taken down names every table."""
    with house.as_(None) as superuser:
        found = probe.targets(superuser, house.us, house.them)
    with house.as_("owner") as owner:
        for target in found:
            down = sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY")
            owner.execute(down.format(sql.Identifier(target.table)))
    with house.as_(role) as conn:
        told = probe.leaks(conn, found, house.us, house.them)
        readable = {
            target.table
            for target in found
            if conn.execute("SELECT has_table_privilege(%s, 'SELECT')", [target.table]).fetchone()
            == (True,)
        }
    assert {f"{table}: their rows are seen" for table in readable} <= set(told)
    assert {f"{table}: seen without a tenant" for table in readable} <= set(told)
    assert any("a row of theirs is inserted" in leak for leak in told)
    assert any("their rows are updated" in leak for leak in told)


def test_functions_with_the_owners_rights_stay_inside_the_tenant(house: House) -> None:
    with house.as_(None) as superuser:
        names = superuser.execute(
            "SELECT proname::text FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        ).fetchall()
        assert {name for (name,) in names} == DEFINER_FUNCTIONS
    with house.as_("worker") as conn:
        assert burgle(conn, house) == []


def test_functions_leak_where_the_owner_is_not_forced(house: House) -> None:
    """The twin: without FORCE the owner's functions would serve any tenant's id."""
    with house.as_("owner") as owner:
        for table in probe.tenant_tables(owner):
            free = sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY")
            owner.execute(free.format(sql.Identifier(table)))
    until(lambda: all_is_seen(house), "older transactions of the server to end")
    with house.as_("worker") as conn:
        assert set(burgle(conn, house)) == {
            "api_key_charge_v1",
            "api_key_enter_v1",
            "bets_lock_v1",
            "bets_wait_v1",
            "ledger_roll_up_v1",
            "payment_decide_v1",
            "payment_request_v1",
            "payment_simulate_v1",
            "player_open_v1",
            "revenue_day_post_v1",
            "risk_rebuilt_v1",
            "risk_stale_take_v1",
            "tenant_open_v1",
        }


def all_is_seen(house: House) -> bool:
    """Whether there is something to roll up: no transaction that was there then still runs."""
    query = "SELECT max(tx) < pg_snapshot_xmin(pg_current_snapshot()) FROM entry"
    with house.as_(None) as superuser:
        return bool(superuser.execute(query).fetchall()[0][0])


def burgle(conn: probe.Plain, house: House) -> list[str]:
    """Call the owner's functions for the other tenant, inside our own transaction."""
    with house.as_(None) as superuser:
        bets = [row[0] for row in superuser.execute("SELECT id FROM bet").fetchall()]
        (payment,) = superuser.execute(
            "SELECT id, user_id FROM payment WHERE tenant_id = %s AND kind = 'withdrawal'",
            [house.them],
        ).fetchall()
        (key,) = superuser.execute(
            "SELECT id, token_sha256 FROM api_key WHERE tenant_id = %s", [house.them]
        ).fetchall()
        ((stale,),) = superuser.execute(
            "SELECT event_id FROM risk_stale WHERE tenant_id = %s LIMIT 1", [house.them]
        ).fetchall()
        ((laid,),) = superuser.execute(
            "SELECT event_id FROM risk_liability WHERE tenant_id = %s LIMIT 1", [house.them]
        ).fetchall()
    them, (asked, ann) = house.them, payment
    new = ids.derived(AT, "burglary")
    calls: dict[str, tuple[str, list[object]]] = {
        "tenant_open_v1": ("SELECT tenant_open_v1(%s, %s)", [them, AT]),
        "tenant_theme_v1": ("SELECT tenant_theme_v1(%s, '{}')", [them]),
        "player_open_v1": ("SELECT player_open_v1(%s, %s, %s)", [them, ann, AT]),
        "payment_request_v1": (
            "SELECT id FROM payment_request_v1(%s, %s, %s, 'withdrawal', 1, %s, '', 'k', %s, %s)",
            [them, new, ann, ann, bytes(32), AT],
        ),
        "payment_simulate_v1": (
            "SELECT id FROM payment_simulate_v1(%s, %s, %s, 1, %s)",
            [them, new, ann, AT],
        ),
        "payment_decide_v1": (
            "SELECT id FROM payment_decide_v1(%s, %s, 'approved', '', %s)",
            [them, asked, AT],
        ),
        "revenue_day_post_v1": (
            "SELECT nullif(revenue_day_post_v1(%s, 'infinity', %s), 0)",
            [them, AT],
        ),
        "ledger_roll_up_v1": ("SELECT nullif(ledger_roll_up_v1(%s), 0)", [house.them]),
        "bets_lock_v1": ("SELECT bets_lock_v1(%s, %s, true)", [house.them, bets]),
        "bets_wait_v1": (
            "SELECT nullif(bets_wait_v1(%s, %s, 'new', %s, %s), 'no_account')",
            [them, ann, bytes(32), AT],
        ),
        "risk_stale_take_v1": ("SELECT nullif(risk_stale_take_v1(%s, %s), 0)", [them, stale]),
        "risk_rebuilt_v1": (
            "SELECT nullif(risk_rebuilt_v1(%s, %s, '{}', '{}', '{}', '{}', '{}', %s), 0)",
            [them, laid, AT],
        ),
        "work_due_v1": ("SELECT work_due_v1('settle', %s, %s, %s)", [them, new, AT]),
        "api_key_enter_v1": (
            "SELECT id FROM api_key_enter_v1(%s, %s, interval '1 s', 1, %s)",
            [them, key[1], AT],
        ),
        "api_key_charge_v1": ("SELECT api_key_charge_v1(%s, %s, 1, %s)", [them, key[0], AT]),
    }
    told: list[str] = []
    for name, (query, values) in calls.items():
        with conn.transaction(force_rollback=True):
            conn.execute("SELECT set_config('overround.tenant_id', %s, true)", [str(house.us)])
            try:
                with conn.transaction():
                    row = conn.execute(query.encode(), values).fetchone()
            except (errors.InsufficientPrivilege, errors.CheckViolation):
                continue
        if row is not None and row[0] is not None:
            told.append(name)
    return told


@pytest.mark.parametrize("role", ["app", "worker", "reader"])
def test_no_login_posts_a_transfer_or_opens_an_account_of_its_choice(
    house: House, role: Role
) -> None:
    """The app that could would print money: bank to cash, as often as it likes."""
    with house.as_(role) as conn:
        for function in (
            "account_open_v1",
            "bets_load_v1",
            "ledger_hold_v1",
            "ledger_post_many_v1",
            "ledger_post_v1",
            "payment_move_v1",
            "payment_open_v1",
        ):
            rights = conn.execute(
                "SELECT has_function_privilege(oid, 'EXECUTE') FROM pg_proc WHERE proname = %s",
                [function],
            ).fetchall()
            assert rights == [(False,)], function
    with house.as_("app") as conn:
        conn.execute("SELECT set_config('overround.tenant_id', %s, false)", [str(house.us)])
        kinds = conn.execute("SELECT kind, id FROM account WHERE kind IN ('bank', 'cash')")
        accounts = dict(kinds.fetchall())
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute(
                "SELECT ledger_post_v1(%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    house.us,
                    [AT],
                    [house.us],
                    ["deposit"],
                    [0],
                    [accounts["bank"]],
                    [accounts["cash"]],
                    [100],
                ],
            )
        for function in ("payment_simulate_v1", "revenue_day_post_v1", "tenant_open_v1"):
            rights = conn.execute(
                "SELECT has_function_privilege(oid, 'EXECUTE') FROM pg_proc WHERE proname = %s",
                [function],
            ).fetchall()
            assert rights == [(False,)], function


def test_a_slip_for_another_tenant_finds_nobody(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            acme, sakura = await world.tenant("acme"), await world.tenant("sakura")
            await world.player("aki", "sakura", 10_000)
            home = await world.lay(Pick("E1", "1x2", "home"), 20_000, "sakura")
            slip = world.slip("aki", 1_000, [(home, 20_000)], tenant="sakura")
            async with world.app.transaction(acme.id) as conn:
                (decision,) = await bets.place(conn, sakura.id, [slip])
            assert decision.refusal == "account_blocked"
            assert await world.count("SELECT count(*) FROM bet", tenant="sakura") == 0

    asyncio.run(story())
