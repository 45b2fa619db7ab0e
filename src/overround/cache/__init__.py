"""The Redis protocol: a client, and the embedded Valkey.

Nothing is kept here whose loss changes money or a revocation: it is fan-out, snapshots and limits.
"""

from overround.cache.client import opened, version

__all__ = ["opened", "version"]
