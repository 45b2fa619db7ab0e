"""What every bet writes: what its tables may not have, because each bet would pay for it."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from overround.db.logins import Role

HOT = ["account", "bet", "bet_request", "entry", "leg", "risk_liability", "transfer"]

# Checks that look at one column. A domain can say the same.
CHECKS = """
SELECT conrelid::regclass::text || ': ' || conname FROM pg_constraint
WHERE contype = 'c' AND conrelid::regclass::text = ANY (%s) AND cardinality(conkey) < 2
ORDER BY 1"""

# Domains of their columns whose values nothing bounds.
LOOSE = """
SELECT DISTINCT t.typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid::regclass::text = ANY (%s) AND t.typtype = 'd'
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c')"""


def test_what_every_bet_writes_has_no_check_of_one_column(
    database_urls: Mapping[Role, str],
) -> None:
    with psycopg.connect(database_urls["owner"]) as conn:
        assert conn.execute(CHECKS, [HOT]).fetchall() == []
        assert conn.execute(LOOSE, [HOT]).fetchall() == []
        conn.execute("ALTER TABLE leg ADD CHECK (price_e4 > 10000)")
        assert len(conn.execute(CHECKS, [HOT]).fetchall()) == 1
        conn.rollback()
