"""The edge: from bytes on a socket to a `Principal` and a handler, and back.

A request passes, from the outside in: `ids` (request and correlation id on every answer, one log
line, the last resort for errors) · `gate` (which tenant's host, whose token, no foreign origin) ·
`bodies` (size, type and strictness of JSON) · the routes that `app` mounts. Whatever refuses, the
answer is a problem of RFC 9457 (`problems`).
"""

from overround.web.app import Services, api, create_app

__all__ = ["Services", "api", "create_app"]
