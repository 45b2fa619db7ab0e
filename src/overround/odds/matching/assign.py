"""Many events of one provider against many of ours at once: one of theirs is at most one of ours.

Decided together, what is certain about one event settles what was doubtful about its neighbour: the
assignment is the best in total, and an event whose place in it could be given away at hardly any
loss is left to a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from overround.odds.feeds import FeedEvent
from overround.odds.matching import rules
from overround.odds.matching.blocks import Blocks, Option
from overround.odds.matching.evidence import NO_PRICES, NOTHING_KNOWN, Knowledge, Prices
from overround.odds.matching.model import Aliases, Candidate, Decision, Reason, Score
from overround.odds.matching.optimum import best_total

# More events than these that want the same few of ours are a broken feed, not a full Saturday.
TANGLE_MOST: Final = 16
# A start that agrees and names that are this good need no look at other days.
SETTLED: Final = 0.9

Scored = dict[UUID, Score]


def assign(
    events: Sequence[FeedEvent],
    candidates: Sequence[Candidate] | Blocks,
    aliases: Aliases,
    knowledge: Knowledge = NOTHING_KNOWN,
    prices: Prices = NO_PRICES,
) -> list[Decision]:
    """A decision for each of `events`, in their order; no two match the same event of ours.

    The events are one provider's; `candidates` is every event of ours that starts within
    `rules.window(sport)` of any of them and that the provider has not named yet. `aliases` are
    those of the events' sport, country and provider. What cannot be decided raises nothing.
    """
    blocks = candidates if isinstance(candidates, Blocks) else Blocks(candidates)
    decided: dict[int, Decision] = {}
    scored: dict[int, Scored] = {}
    first: dict[tuple[object, ...], int] = {}
    repeated: dict[int, int] = {}
    for i, event in enumerate(events):
        theirs = rules.read(event, event.provider)
        if (refused := rules.refusal(theirs)) is not None:
            decided[i] = refused
            continue
        told = (theirs.sport, theirs.home, theirs.away, theirs.starts_at)
        if first.setdefault(told, i) != i:
            repeated[i] = first[told]
            continue
        scored[i] = _weighed(event, scores(theirs, blocks, aliases, knowledge), prices)
    decided |= _together(scored)
    for i, original in repeated.items():
        decided[i] = _again(decided[original])
    return [decided[i] for i in range(len(events))]


def scores(
    theirs: rules.Read, blocks: Blocks, aliases: Aliases, knowledge: Knowledge = NOTHING_KNOWN
) -> Scored:
    """The scores of our events that theirs may be; what it cannot be is not looked at."""

    def scored(options: Sequence[Option]) -> Scored:
        return {
            event_id: rules.score(theirs, ours, aliases, knowledge) for event_id, ours in options
        }

    found = scored(blocks.same_slot(theirs, aliases))
    best = max((s.value for s in found.values() if rules.proof(s) is not None), default=0.0)
    if best < rules.ACCEPT:
        found |= scored(blocks.less_alike(theirs, aliases))
    if best < SETTLED:
        found |= scored(blocks.moved(theirs, aliases))
    return found


def _weighed(event: FeedEvent, found: Scored, prices: Prices) -> Scored:
    """The scores with the prices of both looked at, where there are any."""
    theirs = prices.theirs.get(event.key) if found else None
    if theirs is None:
        return found
    return {
        event_id: score
        if (ours := prices.ours.get(event_id)) is None
        else rules.weigh_prices(score, theirs, ours)
        for event_id, score in found.items()
    }


def _again(original: Decision) -> Decision:
    """What the same event under another id of its provider is: that one, never a second one."""
    if original.kind in ("unmatched", "ambiguous"):
        return original
    return replace(original, kind="unmatched", reason="second_id")


def _together(scored: Mapping[int, Scored]) -> dict[int, Decision]:
    """The decisions of events that were scored: alone where they are, in tangles where not."""
    proved = {
        i: {event_id: s for event_id, s in options.items() if rules.proof(s) is not None}
        for i, options in scored.items()
    }
    decided: dict[int, Decision] = {}
    for tangle in _tangles(proved):
        if len(tangle) == 1:
            decided[tangle[0]] = rules.verdict(list(_pairs(scored[tangle[0]])))
        elif len(tangle) > TANGLE_MOST:
            for i in tangle:
                best = max(_pairs(proved[i]), key=lambda pair: pair[0].value)
                decided[i] = _ambiguous(*best, "two_candidates")
        else:
            decided |= _untangled({i: proved[i] for i in tangle})
    return decided


def _pairs(options: Scored) -> list[tuple[Score, UUID]]:
    return [(score, event_id) for event_id, score in options.items()]


def _tangles(proved: Mapping[int, Scored]) -> list[list[int]]:
    """Groups of events that want the same events of ours, directly or through one another."""
    wanted: defaultdict[UUID, list[int]] = defaultdict(list)
    for i, options in proved.items():
        for event_id in options:
            wanted[event_id].append(i)
    groups: list[list[int]] = []
    seen = set[int]()
    for i in proved:
        if i in seen:
            continue
        seen.add(i)
        group = [i]
        for member in group:
            for event_id in proved[member]:
                for other in wanted[event_id]:
                    if other not in seen:
                        seen.add(other)
                        group.append(other)
        groups.append(group)
    return groups


def _untangled(proved: Mapping[int, Scored]) -> dict[int, Decision]:
    """The best assignment of a tangle; who has no place, or no sure one, is a question."""
    values = {i: {e: s.value for e, s in options.items()} for i, options in proved.items()}
    total, chosen = best_total(values)
    decided: dict[int, Decision] = {}
    for i, options in proved.items():
        event_id = chosen.get(i)
        if event_id is None:
            best = max(_pairs(options), key=lambda pair: pair[0].value)
            decided[i] = _ambiguous(*best, "taken")
            continue
        without = {**values, i: {e: v for e, v in values[i].items() if e != event_id}}
        score = options[event_id]
        reason = rules.proof(score)
        if reason is None or total - best_total(without)[0] < rules.MARGIN:
            decided[i] = _ambiguous(score, event_id, "two_candidates")
        else:
            decided[i] = Decision("matched", event_id, score.value, reason, score.swapped)
    return decided


def _ambiguous(score: Score, event_id: UUID, reason: Reason) -> Decision:
    return Decision("ambiguous", event_id, score.value, reason, score.swapped)
