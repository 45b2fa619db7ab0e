"""Seed 000's way to place a bet: its tables as it writes them, and its five statements for pgbench.

The statements stand in its order, each a round trip of its own between BEGIN and COMMIT: lock and
read the balance, deduct, insert the bet, insert the transaction. The document's place_bet has four;
the fifth is the read of the tenant that its middleware makes for the request.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import psycopg

CLIENTS: Final = 8

TABLES: Final = """
CREATE TABLE tenants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), subdomain varchar(50) UNIQUE NOT NULL,
    name varchar(255) NOT NULL, email varchar(255) NOT NULL, is_active boolean DEFAULT true,
    settings jsonb DEFAULT '{}', created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now());
CREATE INDEX idx_tenants_subdomain ON tenants (subdomain) WHERE is_active = true;
CREATE INDEX idx_tenants_active ON tenants (is_active);
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    username varchar(50) NOT NULL, email varchar(255) NOT NULL, google_id varchar(255),
    balance decimal(15, 2) DEFAULT 0.00, is_active boolean DEFAULT true,
    created_at timestamptz DEFAULT now(), last_login timestamptz,
    n integer NOT NULL UNIQUE,
    CONSTRAINT uq_user_email_tenant UNIQUE (tenant_id, email),
    CONSTRAINT uq_user_username_tenant UNIQUE (tenant_id, username));
CREATE INDEX idx_users_tenant ON users (tenant_id) WHERE is_active = true;
CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_google ON users (google_id) WHERE google_id IS NOT NULL;
CREATE TABLE sports_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), external_id varchar(100) UNIQUE NOT NULL,
    sport varchar(50) NOT NULL, league varchar(255) NOT NULL, home_team varchar(255) NOT NULL,
    away_team varchar(255) NOT NULL, start_time timestamptz NOT NULL,
    status varchar(50) DEFAULT 'scheduled', home_score integer, away_score integer,
    markets jsonb DEFAULT '[]', result jsonb, created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(), n integer NOT NULL UNIQUE);
CREATE TABLE bets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_id uuid REFERENCES sports_events (id), bet_type varchar(20) NOT NULL,
    selections jsonb NOT NULL, stake decimal(15, 2) NOT NULL, potential_win decimal(15, 2) NOT NULL,
    odds decimal(10, 3) NOT NULL, status varchar(20) DEFAULT 'pending', settled_at timestamptz,
    payout decimal(15, 2), created_at timestamptz DEFAULT now(),
    CONSTRAINT chk_stake_positive CHECK (stake > 0), CONSTRAINT chk_odds_positive CHECK (odds > 0));
CREATE INDEX idx_bets_tenant ON bets (tenant_id, created_at DESC);
CREATE INDEX idx_bets_user ON bets (user_id, created_at DESC);
CREATE INDEX idx_bets_status ON bets (status, created_at DESC) WHERE status = 'pending';
CREATE INDEX idx_bets_event ON bets (event_id) WHERE event_id IS NOT NULL;
CREATE TABLE transactions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE, type varchar(50) NOT NULL,
    amount decimal(15, 2) NOT NULL, balance_before decimal(15, 2) NOT NULL,
    balance_after decimal(15, 2) NOT NULL, reference_id uuid, metadata jsonb DEFAULT '{}',
    created_at timestamptz DEFAULT now());
CREATE INDEX idx_transactions_tenant ON transactions (tenant_id, created_at DESC);
CREATE INDEX idx_transactions_user ON transactions (user_id, created_at DESC);
CREATE INDEX idx_transactions_reference ON transactions (reference_id)
    WHERE reference_id IS NOT NULL"""

ROWS: Final = """
INSERT INTO tenants (subdomain, name, email) VALUES ('acme', 'Acme', 'ops@acme.example');
INSERT INTO users (tenant_id, username, email, balance, n)
SELECT t.id, 'user' || n, 'user' || n || '@acme.example', 10000000, n
FROM tenants t, generate_series(1, 10000) AS n;
INSERT INTO sports_events (external_id, sport, league, home_team, away_team, start_time, n)
SELECT 'match' || n, 'football', 'League', 'home ' || n, 'away ' || n, now() + interval '1 day', n
FROM generate_series(1, 300) AS n;
ANALYZE;
CHECKPOINT"""

# pgbench knows integers alone, so the rows are found by their number inside the statements.
SCRIPT: Final = r"""
\set user random(1, 10000)
\set event random(1, 300)
BEGIN;
SELECT id AS tenant FROM tenants WHERE subdomain = 'acme' AND is_active = true \gset
SELECT id AS player, balance FROM users WHERE n = :user AND tenant_id = :tenant FOR UPDATE \gset
UPDATE users SET balance = balance - 10 WHERE id = :player AND tenant_id = :tenant
    RETURNING balance AS after \gset
INSERT INTO bets (tenant_id, user_id, event_id, bet_type, selections, stake, potential_win, odds,
    status)
VALUES (:tenant, :player, (SELECT id FROM sports_events WHERE n = :event), 'single',
    '[{"market": "1x2", "side": "home"}]', 10, 25, 2.5, 'pending') RETURNING id AS bet \gset
INSERT INTO transactions (tenant_id, user_id, type, amount, balance_before, balance_after,
    reference_id)
VALUES (:tenant, :player, 'bet', -10, :balance, :after, :bet);
COMMIT;
"""


def lay_out(url: str) -> None:
    """The seed's tables in an empty database, with its players and events."""
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in f"{TABLES};{ROWS}".split(";"):
            conn.execute(statement.encode())


def run_pgbench(install: Path, url: str, folder: Path, seconds: float) -> dict[str, float]:
    """The five statements by eight clients; transactions a second."""
    script = folder / "five.sql"
    script.write_text(SCRIPT)
    said = subprocess.run(
        [
            str(install / "bin" / "pgbench"),
            "--no-vacuum",
            f"--client={CLIENTS}",
            "--jobs=2",
            "--protocol=prepared",
            f"--time={max(1, round(seconds))}",
            f"--file={script}",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"tps = ([0-9.]+)", said)
    failed = re.search(r"number of failed transactions: (\d+)", said)
    assert found is not None
    assert failed is not None
    assert failed[1] == "0", said
    return {"per_s": float(found[1])}
