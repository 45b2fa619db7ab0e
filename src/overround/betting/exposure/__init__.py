"""Exposure: what the open bets mean to risk, made of the bets themselves.

Placing keeps risk's rows as bets come (41_bets_risk.sql); here they are made anew where bets were
settled, graded or cashed out, checked against the bets, and a player's bets are held against the
close. Settlement, below whose pay this has no part, marks what has become stale.
"""

from overround.betting.exposure.model import OpenBet, OpenLeg
from overround.betting.exposure.service import check, rebuild, sharpest

__all__ = ["OpenBet", "OpenLeg", "check", "rebuild", "sharpest"]
