"""The bettor's site: pages rendered on the server, which scripts bring to life.

Everything that can be read, and every form, works without a script; the slip and moving prices need
one. A page reads with the parts' own functions and writes through the JSON API, in process
(`relay`), so a form can do nothing that the API cannot and is refused in the same words. No page
carries script, style or colour inside itself: the policy of `render` forbids it.
"""

from overround.web.pages.account import router as account
from overround.web.pages.assets import Assets
from overround.web.pages.board import router as board
from overround.web.pages.browsers import Browsers
from overround.web.pages.entry import router as entry
from overround.web.pages.looks import router as looks
from overround.web.pages.my_bets import router as my_bets
from overround.web.pages.office import router as office
from overround.web.pages.office_approvals import router as office_approvals
from overround.web.pages.office_cash_out import router as office_cash_out
from overround.web.pages.office_cashier import router as office_cashier
from overround.web.pages.office_in_play import router as office_in_play
from overround.web.pages.office_promotions import router as office_promotions
from overround.web.pages.office_risk import router as office_risk
from overround.web.pages.office_settlement import router as office_settlement
from overround.web.pages.office_theme import router as office_theme

ROUTERS = (
    board,
    my_bets,
    account,
    entry,
    looks,
    office,
    office_cash_out,
    office_cashier,
    office_in_play,
    office_promotions,
    office_approvals,
    office_risk,
    office_settlement,
    office_theme,
)

__all__ = ["ROUTERS", "Assets", "Browsers"]
