"""The board: every price of every source on open events, written by the hub alone.

Words: `observed_at` is when a price was last seen, `changed_at` when its value last differed,
`source_at` the provider's own stamp. A snapshot withdraws what it does not contain. The closing
price of a source is what it quoted when the event started, with the lag since it was seen.
A source that should have spoken and did not is suspended, and awaits a snapshot. Of each selection
the best two prices are kept as changes come in.
Invariants: an older observation never replaces a newer one; a batch is journalled once; the board
that is loaded for a time is the board that stood then.
"""

from overround.odds.board.memory import Board
from overround.odds.board.model import (
    CellState,
    Change,
    ClosingPrice,
    MarketCells,
    Source,
    SourceKind,
)
from overround.odds.board.retention import Keeping
from overround.odds.board.service import (
    IN_PLAY,
    Question,
    Taken,
    batch_id,
    close,
    from_us,
    load,
    load_now,
    move,
    reload,
    suspend_silent,
    take,
    take_moments,
    to_us,
)
from overround.odds.board.store import (
    answers,
    backlog,
    closing,
    hand_over,
    seen,
    taken,
    tried,
    waiting,
)

__all__ = [
    "IN_PLAY",
    "Board",
    "CellState",
    "Change",
    "ClosingPrice",
    "Keeping",
    "MarketCells",
    "Question",
    "Source",
    "SourceKind",
    "Taken",
    "answers",
    "backlog",
    "batch_id",
    "close",
    "closing",
    "from_us",
    "hand_over",
    "load",
    "load_now",
    "move",
    "reload",
    "seen",
    "suspend_silent",
    "take",
    "take_moments",
    "taken",
    "to_us",
    "tried",
    "waiting",
]
