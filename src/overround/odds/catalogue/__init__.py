"""The catalogue: competitions, participants and their spellings, events, markets, selections,
results. Platform tables: the same for every tenant.

Invariants: ids are derived from what a thing is, so two writers of one thing agree; a result is
never changed, a corrected one is a new version; a spelling belongs to one participant within its
sport, country and category; `closed_at` is a time and not a flag, so whoever stands before it
(a replay) still sees the event open.
"""

from overround.odds.catalogue.model import (
    Event,
    Happened,
    LiveScore,
    Market,
    NewEvent,
    Participant,
    Quarantined,
    Result,
    ResultStatus,
    Selection,
)
from overround.odds.catalogue.names import team
from overround.odds.catalogue.service import (
    contradiction,
    market_and_selections,
    record_results,
)
from overround.odds.catalogue.store import (
    add_competition,
    add_competition_alias,
    add_events,
    add_markets,
    add_participants,
    aliases,
    competition_aliases,
    events_by_id,
    events_page,
    in_play,
    live_of,
    markets_of,
    quarantine,
    record_scores,
    results_known,
    selections_of,
    start_events,
)

__all__ = [
    "Event",
    "Happened",
    "LiveScore",
    "Market",
    "NewEvent",
    "Participant",
    "Quarantined",
    "Result",
    "ResultStatus",
    "Selection",
    "add_competition",
    "add_competition_alias",
    "add_events",
    "add_markets",
    "add_participants",
    "aliases",
    "competition_aliases",
    "contradiction",
    "events_by_id",
    "events_page",
    "in_play",
    "live_of",
    "market_and_selections",
    "markets_of",
    "quarantine",
    "record_results",
    "record_scores",
    "results_known",
    "selections_of",
    "start_events",
    "team",
]
