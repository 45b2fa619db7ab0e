"""`overround scrape SITE`: read a book that has a page and no feed, and tell the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, StateOption


def scrape(
    site: Annotated[
        str, typer.Argument(help="sbo, ibc, cmd, bet365_page or pinnacle_page.", metavar="SITE")
    ],
    hub: Annotated[
        str | None, typer.Option("--hub", help="The hub; default: the one of this machine.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="The board's address; default: the site's own.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="File with the worker's token.")
    ] = None,
    login_file: Annotated[
        Path | None, typer.Option("--login-file", help="File of two lines: name and password.")
    ] = None,
    selectors: Annotated[
        Path | None, typer.Option("--selectors", help="Your YAML over the site's selectors.")
    ] = None,
    worker_id: Annotated[
        str | None, typer.Option("--worker-id", help="Default: worker-SITE.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless/--headed", help="Without a window, or with one.")
    ] = True,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Read a site's board with a browser and tell the hub, until interrupted.

    Only sites that the setting scrape.permitted names are read.
    """
    from overround.core.errors import SettingsError
    from overround.odds.feeds import browser
    from overround.roles.scraping import role

    settings = context.settings(state, config)
    if token_file is None:
        raise SettingsError("a worker has a token: name its file with --token-file")
    asked = role.Asked(
        site=role.site_name(site),
        hub=role.hub_of(hub or f"ws://127.0.0.1:{settings.hub.port}"),
        token=role.token_of(token_file),
        url=url,
        worker_id=worker_id,
        account=browser.account_of(login_file) if login_file else None,
        over=selectors,
        headless=headless,
    )
    context.run_async(role.run(asked, settings.scrape))
