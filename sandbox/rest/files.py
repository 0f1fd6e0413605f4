"""Attachments for download."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import path_id, world_of

ROUTES = web.RouteTableDef()


@ROUTES.get("/{channel}/{attachment}/{filename}")
async def download(request: web.Request) -> web.Response:
    """A file; needs no token."""
    upload = world_of(request).messages.attachment(path_id(request, "channel"), path_id(request, "attachment"))
    return web.Response(body=upload.data, content_type=upload.content_type or "application/octet-stream")
