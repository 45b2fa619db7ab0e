"""The Odds API: many bookmakers' prices of one sport in a body, in its versions 3 and 4.

Bodies are JSON as the provider answers, or the same saved as CSV. Answers are named by the teams,
so orientation is the provider's home and away; every team writes its own handicap. What nobody
grades from a score is counted by its market key (`Coverage`), prices to lay against an answer too.
Invariants: no bytes make `parse` raise anything but ProviderDataError (the shared suite,
tests/feeds/test_conformance.py); a key is in no value that is shown.
"""

from overround.odds.feeds.keys import Answered, Key, KeyPool, Quota
from overround.odds.feeds.provider import Provider
from overround.odds.feeds.the_odds_api.asks import ASKS
from overround.odds.feeds.the_odds_api.fetch import (
    HOST,
    REGIONS,
    Request,
    event_odds,
    odds,
    read,
    recognises,
    scores,
)
from overround.odds.feeds.the_odds_api.parse import PROVIDER_KEY, parse
from overround.odds.feeds.the_odds_api.questions import FEATURED, Question, question
from overround.odds.feeds.the_odds_api.quota import answered, quota_of
from overround.odds.feeds.the_odds_api.words import (
    COMPETITIONS,
    SPORTS,
    key_of,
    source_kind,
    source_of,
)

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True, asks=ASKS)

__all__ = [
    "COMPETITIONS",
    "FEATURED",
    "HOST",
    "PROVIDER",
    "REGIONS",
    "SPORTS",
    "Answered",
    "Key",
    "KeyPool",
    "Question",
    "Quota",
    "Request",
    "answered",
    "event_odds",
    "key_of",
    "odds",
    "parse",
    "question",
    "quota_of",
    "read",
    "recognises",
    "scores",
    "source_kind",
    "source_of",
]
