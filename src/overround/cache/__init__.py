"""The Redis protocol: a client, and the embedded Valkey.

Nothing is kept here whose loss changes money or a revocation: it is fan-out, snapshots and limits.
"""

from overround.cache import keys
from overround.cache.channels import Heard, Subscription, publish, subscribed
from overround.cache.client import connect, failures, opened, version

__all__ = [
    "Heard",
    "Subscription",
    "connect",
    "failures",
    "keys",
    "opened",
    "publish",
    "subscribed",
    "version",
]
