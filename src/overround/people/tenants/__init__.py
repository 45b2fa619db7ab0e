"""Tenants: the operators of the platform, one row each, found by the host that was asked.

Words: a *tenant* is an operator with one currency and one time zone; its *subdomain* is the one
label before the base domain. Invariants: currency and time zone never change; a tenant is never
deleted; a suspended or closed one looks to the world like one that never was.
"""

from overround.people.tenants.model import NewTenant, Tenant, TenantStatus
from overround.people.tenants.origins import of as origins_of
from overround.people.tenants.service import (
    allow_demo_deposits,
    by_id,
    by_subdomain,
    create,
    everyone,
    front_of,
    set_origins,
    set_status,
    set_theme,
)
from overround.people.tenants.theme import Theme
from overround.people.tenants.theme import of as theme_of

__all__ = [
    "NewTenant",
    "Tenant",
    "TenantStatus",
    "Theme",
    "allow_demo_deposits",
    "by_id",
    "by_subdomain",
    "create",
    "everyone",
    "front_of",
    "origins_of",
    "set_origins",
    "set_status",
    "set_theme",
    "theme_of",
]
