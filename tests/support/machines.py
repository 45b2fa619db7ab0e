"""A Hypothesis machine that walks a tenant of its own through any sequence of steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from overround.db.logins import Role
from tests.stories.world import World, opened

Urls = Mapping[Role, str]


class WorldMachine(RuleBasedStateMachine):
    """`urls` is set by `follow`; a run opens its world with `enter`, and the books are whole at
    its end."""

    urls: Urls

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.entered: AbstractAsyncContextManager[World] | None = None
        self.world: World

    def _do(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def enter(self, name: str) -> None:
        """Open the world, with a tenant of that name."""
        self.entered = opened(self.urls, connections=2)
        self.world = self._do(self.entered.__aenter__())
        self._do(self.world.tenant(name))

    def teardown(self) -> None:
        if self.entered is not None:
            assert self._do(self.world.violations()) == []
            self._do(self.entered.__aexit__(None, None, None))
        self.loop.close()


def follow(machine: type[WorldMachine], urls: Urls, examples: int) -> None:
    """Run the machine; without shrinking, since each example is a tenant in a database."""
    machine.urls = urls
    run_state_machine_as_test(  # pyright: ignore[reportUnknownMemberType]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.generate],
            database=None,
            derandomize=True,
        ),
    )
