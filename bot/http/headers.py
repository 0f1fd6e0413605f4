"""Headers that protect the page in a browser. Every answer has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import hdrs, web

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""No script or style in the page itself, and nothing from another origin."""
PROTECTION: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)


async def add_protection(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to a response. To be called on ``on_response_prepare``.

    Caches must not store a response that has no rule for caches, because it may contain people's words.
    """
    response.headers.update(PROTECTION)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    # The version of the server is of no use to anybody but an attacker.
    response.headers[hdrs.SERVER] = "Seiyuu"
