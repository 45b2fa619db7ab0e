"""Doors: what is known of who asks what, found by one look-up.

A visitor who asks a hot route again comes by the same door: the tenant of the host he names, his
bucket and the tenant's, and what answers say of them are held there. A door holds no state of its
own: the site and the buckets are those of `Sites` and `Limiter`, so a suspended tenant's doors lead
nowhere and all doors of one visitor spend from one bucket.
"""

from __future__ import annotations

from typing import Final

from overround.kit.limits import ASK, REFUSED, Bucket
from overround.web.limits import LimitClass, Limits, Told
from overround.web.sites import FRESH_S, Known, Site, Sites

DOORS_MAX: Final = 50_000
_US_PER_S: Final = 1_000_000

# The host, who asks (his address, or his bearer for a write), and the route.
Key = tuple[bytes, str | bytes, str]


class Door:
    """One host, asked by one address or bearer, for one route; a bearer's `token`.

    `told` is what answers say of the limit: None where nobody is limited, and there are no buckets.
    """

    __slots__ = ("bucket", "known", "label", "token", "told", "whole")

    def __init__(
        self,
        label: str,
        known: Known,
        bucket: Bucket | None = None,
        whole: Bucket | None = None,
        told: Told | None = None,
    ) -> None:
        self.label = label
        self.known = known
        self.bucket = bucket
        self.whole = whole
        self.told = told
        self.token = ""


class Doors:
    """The doors of one process; used from one event loop."""

    def __init__(self, sites: Sites, limited: Limits | None) -> None:
        self._sites = sites
        self._limits = limited
        self._doors: dict[Key, Door] = {}
        self._told: dict[LimitClass, Told] = {}

    def at(self, key: Key, at_us: int) -> Door | None:
        """The door, if its tenant is known and open; a look at the record follows by itself."""
        door = self._doors.get(key)
        if door is None or door.known.site is None:
            return None
        bucket, whole = door.bucket, door.whole
        # The tenant's, too: a door would go on spending from one that new doors know nothing of
        # (test: a door whose bucket is forgotten leads nowhere).
        if bucket is not None and whole is not None and (bucket.is_gone or whole.is_gone):
            del self._doors[key]
            return None
        at_s = at_us / _US_PER_S
        if at_s - door.known.looked_at_s > FRESH_S:
            self._sites.known(door.label, at_s)
        return door

    def spend(self, door: Door, at_us: int) -> int:
        """A token of the visitor and one of the tenant: what is left, or REFUSED, or ASK."""
        assert self._limits is not None
        assert door.bucket is not None
        assert door.whole is not None
        limiter = self._limits.limiter
        remaining = limiter.spend(door.bucket, at_us)
        if remaining < 0:
            return remaining
        whole = limiter.spend(door.whole, at_us)
        return whole if whole in {REFUSED, ASK} else remaining

    def make(self, key: Key, site: Site, of: LimitClass, subject: str, at_us: int) -> Door | None:
        """A door for whoever has just come in the long way, counted as `subject`."""
        known = self._sites.record(site.subdomain)
        if known is None:
            return None
        if len(self._doors) >= DOORS_MAX:
            # They are made again in a moment by who still comes.
            self._doors.clear()
        if self._limits is None:
            door = self._doors[key] = Door(site.subdomain, known)
            return door
        limiter, rate = self._limits.limiter, self._limits.rates[of]
        whole = f"{site.limits}:{of}"
        bucket = limiter.bucket(f"{whole}:{subject}", rate, at_us)
        shared = limiter.bucket(whole, self._limits.tenant, at_us)
        told = self._told.get(of)
        if told is None:
            told = self._told[of] = Told(of, rate)
        door = self._doors[key] = Door(site.subdomain, known, bucket, shared, told)
        return door
