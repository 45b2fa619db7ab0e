"""How the runners of a contest came in, and what that makes of a leg to win and to be placed.

Positions are told by runner: 1 the winner, equal numbers tie and the next number leaves their room
(1, 2, 2, 4); `WITHDRAWN` never started, `UNPLACED` ran and came in behind all that are told. Who is
not told has lost once the places asked for are all taken by others, and is unknown until then
(test: a runner nobody names is beaten only when the places are full).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from overround.core.facts import Facts
from overround.core.payoff import LOST, VOID, Grade

WITHDRAWN: Final = 0
UNPLACED: Final = 999
RUNNERS_MAX: Final = 200
# A name as people write it: letters, digits, and what stands between them.
RUNNER: Final = re.compile(r"[^\W_](?:[\w .'&()/-]{0,58}[\w.)])?")


def contradiction(positions: Mapping[str, int]) -> str | None:
    """Why these positions cannot be, in a few words; None where nothing speaks against them."""
    if not 0 < len(positions) <= RUNNERS_MAX:
        return f"a contest has from 1 to {RUNNERS_MAX} runners"
    for runner, position in positions.items():
        if not RUNNER.fullmatch(runner):
            return "a runner has a name of 1 to 60 letters"
        if not WITHDRAWN <= position <= UNPLACED:
            return f"{position} is no position"
    placed = sorted(_placed(positions))
    ahead = 0
    for position, count in sorted(Counter(placed).items()):
        if position != ahead + 1:
            return f"{ahead} came in before position {position}"
        ahead += count
    return None


def finish(positions: Mapping[str, int], runner: str, places: int) -> Grade | None:
    """What a leg on the runner to be among the first `places` came to; 1 is to win.

    Those who tie for more places than are left share them: each is paid the places left over those
    who tie. A runner who was withdrawn is void.
    """
    position = positions.get(runner)
    if position is None:
        return LOST if len([p for p in _placed(positions) if p <= places]) >= places else None
    if position == WITHDRAWN:
        return VOID
    if position > places:
        return LOST
    tied = sum(other == position for other in positions.values())
    left = places - (position - 1)
    return Grade(1, dead_heat_factor=min(Fraction(1), Fraction(left, tied)))


def winner(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """The runner of that name against all others."""
    return None if facts.positions is None else finish(facts.positions, side, 1)


def _placed(positions: Mapping[str, int]) -> list[int]:
    return [p for p in positions.values() if p not in (WITHDRAWN, UNPLACED)]
