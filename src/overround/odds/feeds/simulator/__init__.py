"""The simulator: an endless calendar of matches between teams that do not exist, and their market.

Every match is played by a model whose probabilities are known exactly (goals, points or sets), and
twelve books quote it with margins, lags and errors of their own. Invariants: everything is a
function of the seed and the simulated minute; results come as `FeedResult`s and no other way; no
price is below 1.02, and each is rounded down to its book's ladder.
"""

from overround.odds.feeds.simulator.feed import PROVIDER_KEY, Simulator

__all__ = ["PROVIDER_KEY", "Simulator"]
