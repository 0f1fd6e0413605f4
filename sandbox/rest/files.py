"""Routes of files: attachments, and the pictures of link previews."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import path_id, world_of
from sandbox.world.entities import Upload

ROUTES = web.RouteTableDef()
PROXY_ROUTES = web.RouteTableDef()


@ROUTES.get("/{channel}/{attachment}/{filename}")
async def get_attachment(request: web.Request) -> web.Response:
    """Download an attachment. Needs no token."""
    upload = world_of(request).messages.attachment(path_id(request, "channel"), path_id(request, "attachment"))
    return _file(upload)


@PROXY_ROUTES.get("/{picture}/{filename}")
async def get_proxied_picture(request: web.Request) -> web.Response:
    """Download the picture of a link preview. Needs no token."""
    return _file(world_of(request).messages.proxied(path_id(request, "picture")))


def _file(upload: Upload) -> web.Response:
    return web.Response(body=upload.data, content_type=upload.content_type or "application/octet-stream")
