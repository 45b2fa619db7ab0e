"""What the sources believe together: their fair probabilities, averaged where beliefs add up.

The mean is taken on the logit scale (log of p / (1 - p)): a move from 0.01 to 0.02 is then as much
news as one from 0.98 to 0.99, and one timid source cannot pull a long shot's price by itself.
Source: the logarithmic opinion pool, C. Genest and J. V. Zidek, "Combining probability
distributions" (1986), of each answer against all others.
"""

from __future__ import annotations

import numpy as np

from overround.odds.pricing.model import Floats, Mask


def consensus(
    probabilities: Floats,
    weights: Floats | float = 1.0,
    mask: Mask | None = None,
    sharp: Mask | None = None,
) -> Floats:
    """Weighted logit mean over sources, then normalised: [m, k, n] -> [m, n].

    `weights` [k] or [m, k] are not negative, one for all by default; `mask` [m, k] says which
    sources take part; in a market where one of those that are `sharp` [k] does, only they count. A
    source with a probability that is not inside (0, 1), NaN included, does not take part. A market
    for which no weight is left is NaN.
    """
    inside: Mask = np.all((probabilities > 0.0) & (probabilities < 1.0), axis=-1)
    taking_part: Mask = inside if mask is None else np.logical_and(inside, mask)
    if sharp is not None:
        heard = taking_part & sharp & (np.asarray(weights) > 0.0)
        taking_part = np.where(heard.any(axis=-1, keepdims=True), heard, taking_part)
    effective = np.where(taking_part, weights, 0.0)
    total = effective.sum(axis=-1)

    safe = np.where(taking_part[..., None], probabilities, 0.5)
    logits = np.log(safe) - np.log1p(-safe)
    summed = (effective[..., None] * logits).sum(axis=-2)
    counted = np.where(total > 0.0, total, np.nan)
    belief = 1.0 / (1.0 + np.exp(-summed / counted[..., None]))
    return belief / belief.sum(axis=-1, keepdims=True)
