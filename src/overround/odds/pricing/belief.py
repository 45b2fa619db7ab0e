"""What many sources believe together, each as sure as its record and as late as its last word.

While a market is open the log-odds of its answers walk about. A source's word is what they were at
the moment it was said, off by an error of its own: `noise`, a standard deviation in log-odds. Words
are taken in the order of their moments, the oldest first, and between two of them the belief grows
doubtful by the walk, so what was said before the news weighs little against what was said after
it. Of words said at one moment this is the mean weighted by 1 / noise^2. Source: R. E. Kalman,
"A new approach to linear filtering and prediction problems" (1960), of a random walk.

A source whose price is judged takes part: its price is evidence as the others' are. Whoever judges
the highest of many prices by the others alone believes every error of the one who made it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overround.core.errors import Invalid
from overround.odds.pricing.model import Floats, Integers, Mask

# Where nobody has spoken yet every belief is as good as another: a variance beyond all log-odds.
_KNOWS_NOTHING = 1e6


@dataclass(frozen=True, slots=True)
class Belief:
    """Probabilities [m, n] that sum to one over the answers, and the standard deviation of their
    log-odds [m]; NaN and infinity where nobody spoke."""

    probabilities: Floats
    doubt: Floats


def belief(logits: Floats, heard: Mask, noise: Floats, passed: Floats, drift: float) -> Belief:
    """Log-odds of m markets by s sources of n answers [m, s, n] made one.

    `heard` [m, s] says who speaks, `noise` [s] or [m, s] how far off each is. `passed` [m, s] is
    what time has passed since each source's word, in whatever measure `drift` is the standard
    deviation of one unit of (test: words of one moment are their weighted mean). Log-odds that are
    not heard may be anything, NaN included. Raises Invalid `invalid_number` for a noise that is not
    above zero, a time or a drift below zero.
    """
    if not (np.all(noise > 0.0) and np.all(passed >= 0.0) and drift >= 0.0):
        raise Invalid("noise is above zero, time and drift are not below it", code="invalid_number")
    m, s, n = logits.shape
    # Stable, so words of one moment are taken in the order of the sources every time.
    order = np.argsort(-passed, axis=1, kind="stable")
    said = np.take_along_axis(np.where(heard[..., None], logits, 0.0), order[..., None], axis=1)
    speaks = np.take_along_axis(heard, order, axis=1)
    since = np.take_along_axis(passed, order, axis=1)
    errors = np.take_along_axis(np.broadcast_to(noise * noise, (m, s)), order, axis=1)
    mean, variance = np.zeros((m, n)), np.full(m, _KNOWS_NOTHING)
    last = since[:, 0] if s else np.zeros(m)
    for place in range(s):
        variance += drift * drift * (last - since[:, place])
        last = since[:, place]
        gain = np.where(speaks[:, place], variance / (variance + errors[:, place]), 0.0)
        mean += gain[:, None] * (said[:, place] - mean)
        variance *= 1.0 - gain
    variance += drift * drift * last
    nobody = ~heard.any(axis=1)
    believed = 1.0 / (1.0 + np.exp(-mean))
    believed /= believed.sum(axis=-1, keepdims=True)
    believed[nobody] = np.nan
    return Belief(believed, np.where(nobody, np.inf, np.sqrt(variance)))


def log_odds(probabilities: Floats) -> Floats:
    """log(p / (1 - p)), any shape; NaN stays NaN."""
    return np.log(probabilities) - np.log1p(-probabilities)


def passed_by(spoke_us: Integers) -> Floats:
    """How much of a round has passed since each source spoke [s], by the others: [s], 0 to 1.

    It is the share of the other sources that have spoken since. A market in which nobody speaks has
    no news, so the clock on the wall says little about the age of a word; 0 in `spoke_us` is a
    source that never did, and counts as none.
    """
    on = spoke_us > 0
    later = (on[None, :] & (spoke_us[None, :] > spoke_us[:, None])).sum(axis=1)
    return np.where(on, later / max(int(on.sum()) - 1, 1), 1.0)
