"""`overround serve`: the product, running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from overround.cli import context
from overround.cli.context import ConfigOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints


def serve(state: StateOption = None, config: ConfigOption = None) -> None:
    """Serve the tenants: api, settlement and jobs, until interrupted."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        context.run_async(_serve(settings, endpoints))


async def _serve(settings: Settings, endpoints: Endpoints) -> None:
    from overround.roles import seeding, serve

    await seeding.prepare(endpoints)
    await serve.serve(settings, endpoints)
