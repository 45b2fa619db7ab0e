"""Workers: scrapers that look at one site each and say over a WebSocket what it quotes.

Words: a *site* is the book a worker looks at, and the source of its prices; the provider is
`worker_<site>`. A *snapshot* is everything a worker sees; an *update* is all rows of some matches.
A worker is *live* while it has said the whole not too long ago; all it feeds is suspended
otherwise, and only the next complete snapshot opens it again. Pure: messages in, our shapes out,
and what each side says next. The sockets are `roles.hub.port` (the hub's) and
`roles.scraping.worker_client` (a scraper's). The protocol for people is docs/reference/workers.md.
"""

from overround.odds.feeds.worker.client import Heard, Speaker
from overround.odds.feeds.worker.limits import Allowance
from overround.odds.feeds.worker.model import (
    PROVIDER_PREFIX,
    ConfirmRequest,
    ConfirmResponse,
    Envelope,
    Match,
    Message,
    OddsUpdate,
    Opportunity,
    OpportunityLeg,
    Ping,
    Refused,
    Register,
    Row,
    SiteEvent,
    SnapshotBegin,
    SnapshotCommit,
    StateSaid,
    provider_of,
)
from overround.odds.feeds.worker.parse import (
    MAX_FRAME_BYTES,
    is_site,
    message,
    message_by_parts,
    source_kind,
)
from overround.odds.feeds.worker.session import OutOfTurn, Session
from overround.odds.feeds.worker.sites import GONE, Shown, Sites, Worker
from overround.odds.feeds.worker.wire import (
    Wire,
    acknowledged,
    confirm_request,
    opportunities,
    pong,
    quoted,
    refused,
)

__all__ = [
    "GONE",
    "MAX_FRAME_BYTES",
    "PROVIDER_PREFIX",
    "Allowance",
    "ConfirmRequest",
    "ConfirmResponse",
    "Envelope",
    "Heard",
    "Match",
    "Message",
    "OddsUpdate",
    "Opportunity",
    "OpportunityLeg",
    "OutOfTurn",
    "Ping",
    "Refused",
    "Register",
    "Row",
    "Session",
    "Shown",
    "SiteEvent",
    "Sites",
    "SnapshotBegin",
    "SnapshotCommit",
    "Speaker",
    "StateSaid",
    "Wire",
    "Worker",
    "acknowledged",
    "confirm_request",
    "is_site",
    "message",
    "message_by_parts",
    "opportunities",
    "pong",
    "provider_of",
    "quoted",
    "refused",
    "source_kind",
]
