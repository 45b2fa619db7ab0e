"""Bets: what a player asked (slip), what the book accepted (bet), leg by leg.

Invariants, which `check` recomputes: a bet's stake is held once, and taken or returned once when it
is settled; it is paid what it says; what lies in `held` is the stakes of open bets; every accepted
answer has its bet. A request with a key that was answered before gets the same answer.
"""

from overround.betting.bets.asking import AmountText, ChosenIn, PriceText, WishesIn
from overround.betting.bets.model import (
    Ask,
    Asked,
    Bet,
    Decision,
    LatestBet,
    Leg,
    LetWait,
    OddsPolicy,
    Passes,
    SentSlip,
    Slip,
    SlipLeg,
    SystemName,
    Waited,
    Waits,
)
from overround.betting.bets.refusals import DETAILS as REFUSAL_DETAILS
from overround.betting.bets.refusals import bounds as refusal_bounds
from overround.betting.bets.refusals import explain as explain_refusal
from overround.betting.bets.refusals import field as refusal_field
from overround.betting.bets.rules import (
    LEGS_MAX,
    TOLERANCE_BPS_MAX,
    VERSION_MAX,
    body_sha256,
    potential,
    system_sizes,
)
from overround.betting.bets.service import (
    BATCH_MAX,
    latest,
    my_bet,
    my_bets,
    place,
    place_at,
    place_waited,
)
from overround.betting.bets.store import check, check_deep, counts, run_days

__all__ = [
    "BATCH_MAX",
    "LEGS_MAX",
    "REFUSAL_DETAILS",
    "TOLERANCE_BPS_MAX",
    "VERSION_MAX",
    "AmountText",
    "Ask",
    "Asked",
    "Bet",
    "ChosenIn",
    "Decision",
    "LatestBet",
    "Leg",
    "LetWait",
    "OddsPolicy",
    "Passes",
    "PriceText",
    "SentSlip",
    "Slip",
    "SlipLeg",
    "SystemName",
    "Waited",
    "Waits",
    "WishesIn",
    "body_sha256",
    "check",
    "check_deep",
    "counts",
    "explain_refusal",
    "latest",
    "my_bet",
    "my_bets",
    "place",
    "place_at",
    "place_waited",
    "potential",
    "refusal_bounds",
    "refusal_field",
    "run_days",
    "system_sizes",
]
