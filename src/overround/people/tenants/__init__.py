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
    ruling_alone_max_minor,
    see_all,
    set_origins,
    set_ruling_alone_max,
    set_status,
    set_theme,
)
from overround.people.tenants.theme import CONTACTS, DEFAULT_BRAND, FONTS, LAYOUTS, Theme
from overround.people.tenants.theme import chosen as theme_chosen
from overround.people.tenants.theme import of as theme_of
from overround.people.tenants.theme import problems as theme_problems

__all__ = [
    "CONTACTS",
    "DEFAULT_BRAND",
    "FONTS",
    "LAYOUTS",
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
    "ruling_alone_max_minor",
    "see_all",
    "set_origins",
    "set_ruling_alone_max",
    "set_status",
    "set_theme",
    "theme_chosen",
    "theme_of",
    "theme_problems",
]
