"""Routes of webhooks: create, get, rename, delete.

The routes of a webhook's messages are in ``interactions``, because interaction responses have the same paths.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import body_of, caller, json_response, no_content, path_channel, path_id, world_of
from sandbox.rest.users import image_hash
from sandbox.world import payloads
from sandbox.world.entities import Webhook
from sandbox.world.errors import invalid_form
from sandbox.world.permissions import Permission

ROUTES = web.RouteTableDef()


@ROUTES.post("/channels/{channel}/webhooks")
async def create_webhook(request: web.Request) -> web.Response:
    """Create a webhook."""
    world, channel, body = world_of(request), path_channel(request), await body_of(request)
    world.directory.require(caller(request).id, channel, Permission.MANAGE_WEBHOOKS)
    if not isinstance(body.get("name"), str):
        raise invalid_form("name", "BASE_TYPE_REQUIRED", "This field is required")
    avatar = image_hash(body.get("avatar"), "avatar")
    return json_response(payloads.webhook(world.webhooks.create(channel, body["name"], caller(request), avatar=avatar)))


@ROUTES.get("/channels/{channel}/webhooks")
async def channel_webhooks(request: web.Request) -> web.Response:
    """List a channel's webhooks."""
    world, channel = world_of(request), path_channel(request)
    world.directory.require(caller(request).id, channel, Permission.MANAGE_WEBHOOKS)
    return json_response([payloads.webhook(each) for each in world.webhooks.of_channel(channel.id)])


@ROUTES.get("/webhooks/{webhook}")
async def get_webhook(request: web.Request) -> web.Response:
    """Get a webhook."""
    return json_response(payloads.webhook(_managed(request)))


@ROUTES.get("/webhooks/{webhook}/{token}")
async def get_webhook_by_token(request: web.Request) -> web.Response:
    """Get a webhook by its token, without a bot token."""
    return json_response(payloads.webhook(_authorised(request)))


@ROUTES.patch("/webhooks/{webhook}")
async def rename_webhook(request: web.Request) -> web.Response:
    """Rename a webhook."""
    webhook, body = _managed(request), await body_of(request)
    world_of(request).webhooks.rename(webhook, str(body.get("name", webhook.name)))
    return json_response(payloads.webhook(webhook))


@ROUTES.delete("/webhooks/{webhook}")
async def delete_webhook(request: web.Request) -> web.Response:
    """Delete a webhook."""
    world_of(request).webhooks.delete(_managed(request))
    return no_content()


@ROUTES.delete("/webhooks/{webhook}/{token}")
async def delete_webhook_by_token(request: web.Request) -> web.Response:
    """Delete a webhook by its token, without a bot token."""
    world_of(request).webhooks.delete(_authorised(request))
    return no_content()


def _managed(request: web.Request) -> Webhook:
    world = world_of(request)
    webhook = world.webhooks.get(path_id(request, "webhook"))
    channel = world.directory.channel(webhook.channel_id)
    world.directory.require(caller(request).id, channel, Permission.MANAGE_WEBHOOKS)
    return webhook


def _authorised(request: web.Request) -> Webhook:
    return world_of(request).webhooks.authorised(path_id(request, "webhook"), request.match_info["token"])
