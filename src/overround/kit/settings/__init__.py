"""Settings: default < `overround.yaml` < `OVERROUND_*` environment < command-line flags.

A key that does not exist stops the start with the key's name, in the file and in the environment
alike: a setting that is misspelt and silently ignored is worse than none
(tests/servers/test_settings.py).

A new setting goes into the room it is about: `stores` (what is kept, and where), `edge` (who comes
in), `prices` (where prices come from), `opportunities` (what is looked for), `watching` (how it is
watched); a new section also into `tree`. docs/reference/settings.md is written by `document`: run
`overround config document > docs/reference/settings.md`.
"""

from overround.kit.settings.document import document
from overround.kit.settings.edge import (
    LimitSettings,
    SessionSettings,
    StreamSettings,
    WebSettings,
)
from overround.kit.settings.opportunities import EdgeSourceSettings, EdgesSettings
from overround.kit.settings.prices import (
    FeedsSettings,
    HubSettings,
    ProviderSettings,
    ScrapeSettings,
    SportSettings,
    WindowSettings,
)
from overround.kit.settings.shown import described, redact_url, redacted, secrets
from overround.kit.settings.sources import CONFIG_BYTES_MAX, CONFIG_NAME, ENV_EXEMPT, load, origins
from overround.kit.settings.stores import (
    DatabaseSettings,
    RedisSettings,
    RetentionSettings,
    ServersSettings,
)
from overround.kit.settings.tree import ENV_PLAIN, ENV_PREFIX, Settings, default_state
from overround.kit.settings.watching import (
    AlertSettings,
    LlmSettings,
    LogSettings,
    WatchSettings,
)

__all__ = [
    "CONFIG_BYTES_MAX",
    "CONFIG_NAME",
    "ENV_EXEMPT",
    "ENV_PLAIN",
    "ENV_PREFIX",
    "AlertSettings",
    "DatabaseSettings",
    "EdgeSourceSettings",
    "EdgesSettings",
    "FeedsSettings",
    "HubSettings",
    "LimitSettings",
    "LlmSettings",
    "LogSettings",
    "ProviderSettings",
    "RedisSettings",
    "RetentionSettings",
    "ScrapeSettings",
    "ServersSettings",
    "SessionSettings",
    "Settings",
    "SportSettings",
    "StreamSettings",
    "WatchSettings",
    "WebSettings",
    "WindowSettings",
    "default_state",
    "described",
    "document",
    "load",
    "origins",
    "redact_url",
    "redacted",
    "secrets",
]
