"""Seed 000's design, written afresh: Flask and threads, one pooled connection for each request, and
its five statements in its order, each a round trip.

Only the reference of `benchmarks.bets` runs it: `python -m benchmarks.seed_flask URL PORT`. Lists
are adapted to JSON (`Jsonb`), without which the document's insert of `selections` fails.
"""

from __future__ import annotations

import importlib
import sys
from decimal import Decimal
from typing import Any

from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

THREADS = 8

# No dependencies of ours: without them the benchmark leaves this reference out and says so.
flask: Any = importlib.import_module("flask")
waitress: Any = importlib.import_module("waitress")

# 1. Whose host it is.
TENANT = "SELECT id FROM tenants WHERE subdomain = %s AND is_active = true"
# 2. The balance, locked.
BALANCE = "SELECT id, balance FROM users WHERE n = %s AND tenant_id = %s FOR UPDATE"
# 3. The stake, deducted.
DEDUCT = """
UPDATE users SET balance = balance - %s WHERE id = %s AND tenant_id = %s RETURNING balance"""
# 4. The bet.
BET = """
INSERT INTO bets (tenant_id, user_id, event_id, bet_type, selections, stake, potential_win, odds,
    status)
VALUES (%s, %s, (SELECT id FROM sports_events WHERE n = %s), %s, %s, %s, %s, %s, 'pending')
RETURNING id, created_at"""
# 5. The movement of money.
MOVE = """
INSERT INTO transactions (tenant_id, user_id, type, amount, balance_before, balance_after,
    reference_id)
VALUES (%s, %s, 'bet', %s, %s, %s, %s)"""


def create_app(pool: ConnectionPool[Any]) -> Any:
    """The one route."""
    app = flask.Flask(__name__)

    def place_bet() -> tuple[Any, int]:
        data: dict[str, Any] = flask.request.get_json()
        subdomain = flask.request.host.split(".")[0]
        # Who bets: the document's log-in is Flask's signed cookie, which costs no query.
        number = int(flask.request.headers["Authorization"].split()[1])
        try:
            with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
                answer = _placed(cur, subdomain, number, data)
        except ValueError as error:
            return flask.jsonify({"success": False, "error": str(error)}), 400
        return flask.jsonify({"success": True, **answer}), 201

    app.add_url_rule("/api/bets", view_func=place_bet, methods=["POST"])
    return app


def _placed(cur: Any, subdomain: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
    stake, odds = Decimal(str(data["stake"])), Decimal(str(data["odds"]))
    tenant: DictRow = cur.execute(TENANT, (subdomain,)).fetchone()
    user: DictRow | None = cur.execute(BALANCE, (number, tenant["id"])).fetchone()
    if user is None or user["balance"] < stake:
        raise ValueError("Insufficient balance")
    left: DictRow = cur.execute(DEDUCT, (stake, user["id"], tenant["id"])).fetchone()
    bet: DictRow = cur.execute(
        BET,
        (
            tenant["id"], user["id"], data["event"], data["bet_type"], Jsonb(data["selections"]),
            stake, stake * odds, odds,
        ),
    ).fetchone()  # fmt: skip
    cur.execute(
        MOVE, (tenant["id"], user["id"], -stake, user["balance"], left["balance"], bet["id"])
    )
    return {
        "bet_id": str(bet["id"]),
        "stake": float(stake),
        "potential_win": float(stake * odds),
        "new_balance": float(left["balance"]),
        "created_at": bet["created_at"].isoformat(),
    }


def main() -> None:
    """Serve until killed."""
    url, port = sys.argv[1], int(sys.argv[2])
    with ConnectionPool(url, min_size=THREADS, max_size=THREADS) as pool:
        waitress.serve(create_app(pool), host="127.0.0.1", port=port, threads=THREADS, _quiet=True)


if __name__ == "__main__":
    main()
