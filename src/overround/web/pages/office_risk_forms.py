"""What the forms of the risk desk mean, and what stands in their fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from overround.betting.risk import Policy
from overround.core import money, price
from overround.core.errors import Invalid, NotFound
from overround.web.pages import forms

API: Final = "/api/v1/office/risk"
_LIMITS: Final = ("win_max", "selection_max", "event_max")
_NUMBERS: Final = (
    "ramp_share_bps", "ramp_s", "repeat_max", "repeat_s", "suspend_at_bps", "velocity_max",
    "move_max_bps", "hold_s", "legs_min", "legs_max",
)  # fmt: skip
_AMOUNTS: Final = ("player_day_max", "player_event_max", "stake_min", "payout_max")
_PRICES: Final = ("leg_price_min", "leg_price_max", "slip_price_min", "slip_price_max")
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
        said = {name: forms.decimal(fields.get(name, "")) or None for name in _LIMITS}
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
    found = {name: number(getattr(policy, name), _SCALES.get(name, 0)) for name in _NUMBERS}
    for name in _AMOUNTS:
        minor: int | None = getattr(policy, f"{name}_minor")
        found[name] = "" if minor is None else money.to_text(minor, currency)
    for name in _PRICES:
        price_e4: int | None = getattr(policy, f"{name}_e4")
        found[name] = "" if price_e4 is None else price.to_text(price_e4)
    return found | ({"lower_stakes": "on"} if policy.lower_stakes else {})


def number(value: int | None, decimals: int = 0) -> str:
    """A number as its field shows it: without noughts behind the point; None is empty."""
    if value is None:
        return ""
    whole, rest = divmod(value, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def _policy(fields: Mapping[str, str]) -> dict[str, object]:
    """The whole policy: an empty field is not watched, or as in a house that says nothing."""
    nothing = Policy()
    body: dict[str, object] = {}
    for name in _NUMBERS:
        said = forms.number(fields, name, _SCALES.get(name, 0))
        body[name] = getattr(nothing, name) if said is None else said
    body |= {name: forms.decimal(fields.get(name, "")) or None for name in (*_AMOUNTS, *_PRICES)}
    body["lower_stakes"] = "lower_stakes" in fields
    return body


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This is nobody's and nothing's id.", code="player", field="player") from None


def _factor(fields: Mapping[str, str], name: str) -> int:
    said = forms.number(fields, name, _FACTOR_DECIMALS)
    return 10**_FACTOR_DECIMALS if said is None else said
