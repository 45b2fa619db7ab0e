"""What each refusal says to a person, and the bounds it comes with: the code is for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from overround.core import money, price

DETAILS: Final[Mapping[str, str]] = {
    "tenant_suspended": "This house takes no bets now.",
    "account_blocked": "This account takes no bets.",
    "too_few_legs": "The slip has fewer legs than this house takes.",
    "too_many_legs": "The slip has more legs than this house takes.",
    "odds_out_of_range": "This house takes no such price.",
    "unknown_selection": "One selection is not offered here.",
    "event_started": "One event has started.",
    "market_suspended": "One market is suspended.",
    "market_closed": "One market is closed.",
    "price_changed": "One price has changed.",
    "market_changed": "One market has changed since it was shown.",
    "legs_conflict": "Two legs are on the same event.",
    "stake_below_min": "The stake is below the least stake.",
    "payout_above_max": "The payout would be above the largest payout.",
    "liability_exceeded": "The house takes no more on this selection now.",
    "stake_above_max": "The stake is above what the house takes here.",
    "repeated_bet": "This bet was placed here a moment ago.",
    "player_limit": "This account has won its share of chances here for today.",
    "free_bet_unknown": "There is no such free bet.",
    "free_bet_used": "This free bet was used.",
    "free_bet_expired": "This free bet has expired.",
    "free_bet_stake": "The stake is the free bet's whole amount.",
    "free_bet_kind": "This free bet is not for this kind of bet.",
    "free_bet_sport": "This free bet is not for this sport.",
    "free_bet_price": "This free bet asks for higher prices.",
    "insufficient_funds": "The balance is smaller than the stake.",
}


def bounds(answer: Mapping[str, Any]) -> dict[str, object]:
    """What a player needs to ask again, as texts: the leg, the prices now, the bounds."""
    said = ("leg", "legs_min", "legs_max", "offer_versions")
    found: dict[str, object] = {name: answer[name] for name in said if name in answer}
    if "prices_e4" in answer:
        found["prices"] = [price.to_text(price_e4) for price_e4 in answer["prices_e4"]]
    for name in ("price_min", "price_max"):
        if f"{name}_e4" in answer:
            found[name] = price.to_text(answer[f"{name}_e4"])
    for name in ("stake", "stake_min", "stake_max", "payout_max"):
        if f"{name}_minor" in answer:
            found[name] = money.to_text(answer[f"{name}_minor"], answer["currency"])
    return found
