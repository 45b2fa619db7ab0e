"""What the forms of the risk desk mean, and what stands in their fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from overround.betting.risk import Policy
from overround.core import money, price
from overround.core.errors import Invalid, NotFound
from overround.web.pages import forms
from overround.web.pages.fields import Field

API: Final = "/api/v1/office/risk"
_SECONDS: Final = "1 to 86400 seconds (a day), whole ones"
_LEGS: Final = "a whole number from 1 to 20"
_PRICE: Final = "above 1 and at most 100000, such as 1.5"

CAPS: Final = (
    Field("win_max", "One bet may win"),
    Field("selection_max", "One selection"),
    Field("event_max", "One event"),
)
_NUMBERED: Final = (
    Field("ramp_share_bps", "Open before", "0 to 100 %"),
    Field("ramp_s", "Opens over the last", "0 to 2592000 seconds (30 days), whole ones"),
    Field("suspend_at_bps", "A liability reaches, of its cap", "0.01 to 100 %"),
    Field("velocity_max", "More bets within a minute than", "a whole number from 1 to 1000000"),
    Field("move_max_bps", "A price moves at once by more than", "0.01 to 1000 %"),
    Field("hold_s", "The last two suspend for", _SECONDS),
    Field("repeat_max", "Bets on one selection", "a whole number from 1 to 1000"),
    Field("repeat_s", "Such bets are counted for", _SECONDS),
    Field("legs_min", "Legs, at least", _LEGS),
    Field("legs_max", "Legs, at most", _LEGS),
)
_AMOUNTS: Final = (
    Field("player_day_max", "May win of a day's bets"),
    Field("player_event_max", "May win of one event"),
    Field("stake_min", "Stake, at least"),
    Field("payout_max", "Payout, at most"),
)
_PRICES: Final = (
    Field("leg_price_min", "Price of a leg, from", _PRICE),
    Field("leg_price_max", "Price of a leg, to", _PRICE),
    Field("slip_price_min", "Pays for one staked, from", _PRICE),
    Field("slip_price_max", "Pays for one staked, to", _PRICE),
)
POLICY: Final = (*_NUMBERED, *_AMOUNTS, *_PRICES)
PLAYER: Final = (
    Field("player", "Player, by name or e-mail"),
    Field("factor", "Factor", "0.01 to 10", ("factor_e4",)),
    Field("delay", "Delay factor", "0 to 10", ("delay_e4",)),
    Field("note", "Note", "300 characters at most"),
)
FIELDS: Final = {"caps": CAPS, "policy": POLICY, "players": PLAYER}
# A factor of one is ten thousand, and a share of one per cent a hundred.
_SCALES: Final = {"ramp_share_bps": 2, "suspend_at_bps": 2, "move_max_bps": 2}
_FACTOR_DECIMALS: Final = 4

# The method, path and body for the API.
Asked = tuple[str, str, dict[str, object] | None]


@dataclass(frozen=True, slots=True)
class Refused:
    """A form of the desk that was not taken: which, what was typed into it, and why not."""

    what: str
    fields: Mapping[str, str]
    problem: Mapping[str, object]

    @property
    def faults(self) -> frozenset[str]:
        """The fields that are to blame."""
        return forms.faults(self.problem)


def asked(what: str, fields: Mapping[str, str]) -> Asked:
    """What a form asks of the API; of `players` the player is an id already.

    Raises Invalid `number`, `player`, and NotFound for a form that there is not.
    """
    if what == "caps":
        said = _texts(fields, CAPS)
        scope = {"scope": fields.get("scope", ""), "scope_key": fields.get("key", "")}
        return "PUT", f"{API}/caps", {**scope, **said}
    if what == "policy":
        return "PUT", f"{API}/policy", _policy(fields)
    if what == "players":
        player = f"{API}/players/{_id(fields.get('player', ''))}"
        if fields.get("step") == "drop":
            return "DELETE", player, None
        return "PUT", player, {
            "factor_e4": _factor(fields, "factor"),
            "delay_e4": _factor(fields, "delay"),
            "note": fields.get("note", "").strip(),
        }  # fmt: skip
    if what == "lift":
        return "POST", f"{API}/suspensions/{_id(fields.get('suspension', ''))}/lift", None
    raise NotFound("no such form")


def typed(policy: Policy, currency: str) -> dict[str, str]:
    """The policy as the fields of its form show it; an empty one is not watched."""
    found = _numbers(policy)
    for one in _AMOUNTS:
        minor: int | None = getattr(policy, f"{one.name}_minor")
        found[one.name] = "" if minor is None else money.to_text(minor, currency)
    for one in _PRICES:
        price_e4: int | None = getattr(policy, f"{one.name}_e4")
        found[one.name] = "" if price_e4 is None else price.to_text(price_e4)
    return found | ({"lower_stakes": "on"} if policy.lower_stakes else {})


def unsaid() -> dict[str, str]:
    """What an empty field of the policy means, where it means something."""
    return {name: text for name, text in _numbers(Policy()).items() if text}


def _numbers(policy: Policy) -> dict[str, str]:
    return {
        one.name: forms.written(getattr(policy, one.name), _SCALES.get(one.name, 0))
        for one in _NUMBERED
    }


def _policy(fields: Mapping[str, str]) -> dict[str, object]:
    """The whole policy: an empty field is not watched, or as in a house that says nothing."""
    nothing = Policy()
    body: dict[str, object] = {}
    for one in _NUMBERED:
        said = forms.number(fields, one.name, _SCALES.get(one.name, 0))
        body[one.name] = getattr(nothing, one.name) if said is None else said
    body |= _texts(fields, (*_AMOUNTS, *_PRICES))
    body["lower_stakes"] = "lower_stakes" in fields
    return body


def _texts(fields: Mapping[str, str], asked: Sequence[Field]) -> dict[str, object]:
    """Amounts and prices as the API reads them; None for an empty field."""
    return {one.name: forms.decimal(fields.get(one.name, "")) or None for one in asked}


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This is nobody's and nothing's id.", code="player", field="player") from None


def _factor(fields: Mapping[str, str], name: str) -> int:
    said = forms.number(fields, name, _FACTOR_DECIMALS)
    return 10**_FACTOR_DECIMALS if said is None else said
