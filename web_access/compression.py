"""Finds compressed bodies of requests, which the bot and the speech server refuse.

A few compressed bytes could become gigabytes, and broken ones can't be unpacked at all.
"""

from __future__ import annotations

from aiohttp import hdrs, web

PLAIN = "identity"
"""HTTP's name for content that is not compressed. A refusal names it in ``Accept-Encoding`` (RFC 9110, 15.5.16)."""
_SHOWN = 100


def compression_of(request: web.Request) -> str | None:
    """The first compression that ``Content-Encoding`` names, cut at 100 characters; ``None`` if there is none."""
    codings = ",".join(request.headers.getall(hdrs.CONTENT_ENCODING, [])).split(",")
    return next((coding[:_SHOWN] for each in codings if (coding := each.strip().lower()) not in ("", PLAIN)), None)
