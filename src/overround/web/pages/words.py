"""What people call things: markets, answers, grades, amounts and times, in plain English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from overround.core import grading, line, money, price

_SPORTS: Final = {"american_football": "American football", "ice_hockey": "Ice hockey"}
_UNITS: Final = {
    "football": "goals", "handball": "goals", "ice_hockey": "goals", "tennis": "games",
    "baseball": "runs", "cricket": "runs",
}  # fmt: skip
_MARKETS: Final = {
    "1x2": "Match result", "moneyline": "Winner", "draw_no_bet": "Draw no bet",
    "double_chance": "Double chance", "to_qualify": "To go through",
    "asian_handicap": "Handicap", "handicap_1x2": "Handicap, three ways",
    "set_handicap": "Set handicap", "total": "Total {unit}", "total_sets": "Total sets",
    "home_total": "{home}: total {unit}", "away_total": "{away}: total {unit}",
    "both_teams_to_score": "Both teams to score", "odd_even": "Odd or even {unit}",
    "home_odd_even": "{home}: odd or even {unit}", "away_odd_even": "{away}: odd or even {unit}",
    "home_clean_sheet": "{home}: clean sheet", "away_clean_sheet": "{away}: clean sheet",
    "home_win_to_nil": "{home}: win to nil", "away_win_to_nil": "{away}: win to nil",
    "result_and_both_score": "Result and both teams to score",
    "result_and_total": "Result and total {unit}", "exact_goals": "Exact {unit}",
    "home_exact_goals": "{home}: exact {unit}", "away_exact_goals": "{away}: exact {unit}",
    "winning_margin": "Winning margin", "correct_score": "Correct score",
    "half_time_full_time": "Half time / full time",
    "highest_scoring_half": "Half with more {unit}", "nth_goal": "Next goal by number",
    "last_goal": "Last goal", "first_scorer": "First scorer", "last_scorer": "Last scorer",
    "anytime_scorer": "Scorer at any time", "winner": "Winner",
}  # fmt: skip
_PERIODS: Final = {
    "ft": "Regular time", "ht": "First half", "2h": "Second half", "final": "Whole match",
    "i1_3": "First three innings", "i1_5": "First five innings", "i1_7": "First seven innings",
    "corners": "Corners", "corners_ht": "Corners, first half", "cards": "Cards",
    "cards_ht": "Cards, first half",
}  # fmt: skip
_NUMBERED: Final = {"q": "quarter", "p": "period", "s": "set", "i": "inning"}
_ORDINALS: Final = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth",
                    "Ninth")  # fmt: skip
_SIDES: Final = {"draw": "Draw", "none": "Nobody", "1h": "First half", "2h": "Second half"}
_SHORT_SIDES: Final = {"home": "1", "draw": "X", "away": "2"}
_GRADES: Final = {
    "won": "Won", "lost": "Lost", "void": "Void", "half_won": "Half won", "half_lost": "Half lost",
}  # fmt: skip
_MOVEMENTS: Final = {
    "deposit": "Deposit", "withdrawal": "Withdrawal", "withdrawal_reserve": "Withdrawal",
    "withdrawal_refuse": "Withdrawal returned", "stake_hold": "Stake",
    "stake_return": "Stake returned", "payout": "Payout", "adjustment": "Correction",
    "free_bet": "Free bet", "free_bet_back": "Free bet's stake",
    "cash_out": "Cash-out", "stake_take": "Stake settled", "stake_release": "Stake released",
    "stake_reclaim": "Stake held again", "payout_reclaim": "Payout taken back",
    "debt_lend": "Lent by the house", "debt_repay": "Repaid to the house",
}  # fmt: skip
_PLACES_SAID: Final = 5
_DOUBLE_CHANCE: Final = {
    "1X": "{home} or draw", "X2": "{away} or draw", "12": "{home} or {away}",
}  # fmt: skip


def sport(key: str) -> str:
    """`ice_hockey` as people write it."""
    return _SPORTS.get(key) or key.replace("_", " ").capitalize()


def unit(sport_key: str, period_key: str = "ft") -> str:
    """What the score of a sport counts; some periods count something else."""
    counted = period_key.partition("_")[0]
    return counted if counted in {"corners", "cards"} else _UNITS.get(sport_key, "points")


def period(key: str) -> str:
    """`q1` is the first quarter."""
    known = _PERIODS.get(key)
    if known is not None:
        return known
    kind, number = _NUMBERED.get(key[:1]), key[1:]
    if kind is None or not number.isdecimal() or not 1 <= int(number) <= len(_ORDINALS):
        return key
    return f"{_ORDINALS[int(number) - 1]} {kind}"


def market(market_type: str, unit_word: str, home: str = "Home", away: str = "Away") -> str:
    """The question, without its period and line; `unit_word` is what is counted, "" for nothing."""
    known = _MARKETS.get(market_type) or market_type.replace("_", " ").capitalize()
    return known.format(unit=unit_word, home=home, away=away).strip()


def market_in_period(
    market_type: str, period_key: str, home: str = "Home", away: str = "Away"
) -> str:
    """The question with its period, where that is not the whole match or its regular time."""
    said = market(market_type, "", home, away)
    return said if period_key in {"ft", "final"} else f"{said}, {period(period_key).lower()}"


def side(side_key: str, market_type: str, line_q4: int | None, home: str, away: str) -> str:
    """An answer with the line that it stands on: "Arsenal -0.5", "Over 2.5", "Arsenal or draw"."""
    if market_type == "winner":
        return side_key
    if side_key in _DOUBLE_CHANCE:
        return _DOUBLE_CHANCE[side_key].format(home=home, away=away)
    said = " / ".join(_word(word, market_type, home, away) for word in side_key.split("/"))
    return said if line_q4 is None else f"{said} {line_of(side_key, market_type, line_q4)}"


def event(home: str, away: str) -> str:
    """A match by its sides, a contest by its name, which has no away side."""
    return f"{home} – {away}" if away else home  # noqa: RUF001  (people write a dash)


def place_terms(text: str) -> str:
    """Place terms as people write them: "1/4 1-3" is "Each way 1/4 1-2-3"."""
    share, _, places = text.partition(" 1-")
    last = int(places)
    said = "-".join(map(str, range(1, last + 1))) if last <= _PLACES_SAID else f"1 to {last}"
    return f"Each way {share} {said}"


def came_to(grade_key: str | None, place_grade: str | None) -> str:
    """What a leg came to, as its grade's key; a leg each way that has only been placed is that."""
    if grade_key == "lost" and place_grade == "won":
        return "placed"
    return grade_key or "open"


def _word(word: str, market_type: str, home: str, away: str) -> str:
    if word == "draw" and market_type == "highest_scoring_half":
        return "As many in both"
    if market_type.endswith("_scorer") and word != "none":
        return word.replace("_", " ")
    return {"home": home, "away": away}.get(word) or _SIDES.get(word) or word.capitalize()


def line_of(side_key: str, market_type: str, line_q4: int) -> str:
    """The line as the side stands on it: a handicap is the home side's and turned for the away."""
    known = grading.MARKETS.get(market_type)
    if known is None or not known.is_handicap:
        return line.to_text(line_q4)
    own_q4 = -line_q4 if side_key == "away" else line_q4
    return f"{'+' if own_q4 > 0 else ''}{line.to_text(own_q4)}"


def short_side(side_key: str) -> str:
    """The head of a column of the board."""
    return _SHORT_SIDES.get(side_key) or side_key.capitalize()


def grade(key: str) -> str:
    """What a leg came to."""
    return _GRADES.get(key) or key.replace("_", " ").capitalize()


def kind(key: str, legs: int, sizes: Sequence[int] | None = None, *, each_way: bool = False) -> str:
    """What a bet is: "Single", "Combo of 3", "System 2, 3 of 4", "Single each way"."""
    found = "Single" if key == "single" else f"Combo of {legs}"
    if sizes is not None:
        found = f"System {', '.join(map(str, sizes))} of {legs}"
    return f"{found} each way" if each_way else found


def movement(code: str) -> str:
    """What a line of the statement is about."""
    return _MOVEMENTS.get(code) or code.replace("_", " ").capitalize()


def odds(price_e4: int) -> str:
    """The decimal price."""
    return price.to_text(price_e4)


def amount(minor: int, currency: str) -> str:
    """An amount with its currency: "1,250.00 EUR"."""
    return f"{plain_amount(minor, currency)} {currency}"


def plain_amount(minor: int, currency: str) -> str:
    """An amount in a column that names the currency: "1,250.00"."""
    return _grouped(money.to_text(minor, currency))


def signed(minor: int, currency: str) -> str:
    """An amount that went in or out, with its sign and without the currency."""
    return f"{'+' if minor > 0 else ''}{plain_amount(minor, currency)}"


def _grouped(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    whole, point, fraction = text.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def time_of(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """When, as short as it can be said today: "15:00", "Tomorrow 15:00", "Sun 15:00", "24 Dec"."""
    local, today = _local(at, zone), now.astimezone(zone).date()
    days = (local.date() - today) // timedelta(days=1)
    clock = f"{local:%H:%M}"
    if days == 0:
        return clock
    if days == 1:
        return f"Tomorrow {clock}"
    if 1 < days < 7:
        return f"{local:%a} {clock}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {clock}"


def full_time(at: datetime, zone: ZoneInfo) -> str:
    """When, to the second, for a list that is kept."""
    local = _local(at, zone)
    return f"{local.day} {local:%b %Y %H:%M:%S}"


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """There; at the ends of what a `datetime` can be, as it is
    (test: every time can be written on a page)."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


def sentence(text: str) -> str:
    """What a program says, as a person writes it: "no such sport" is "No such sport."."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def dialled(phone: str) -> str:
    """A phone number as a telephone takes it: `+43 1 (234) 567` is `+431234567`."""
    return "".join(one for one in phone if one in "+0123456789")
