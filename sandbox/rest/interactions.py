"""Routes of interaction responses and webhook posts. Both need an id and a token in the path, no bot token."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import field_id, json_response, no_content, path_id, world_of
from sandbox.rest.drafts import Form, draft_from, edited, kept_attachments, read_form
from sandbox.world.entities import Draft, Message
from sandbox.world.errors import invalid_form
from sandbox.world.messages import draft_of

ROUTES = web.RouteTableDef()
_WEBHOOK = "/webhooks/{webhook}/{token}"
ORIGINAL = "@original"


@ROUTES.post("/interactions/{interaction}/{token}/callback")
async def respond(request: web.Request) -> web.Response:
    """Send the first response to an interaction."""
    form = await read_form(request)
    data = form.payload.get("data") or {}
    if not isinstance(data, dict) or not isinstance(form.payload.get("type"), int):
        raise invalid_form("type", "BASE_TYPE_REQUIRED", "This field is required")
    interaction_id, token = path_id(request, "interaction"), request.match_info["token"]
    response = world_of(request).interactions.respond(
        interaction_id, token, form.payload["type"], data, draft_from(form, data)
    )
    return json_response(response) if request.query.get("with_response") in ("1", "true") else no_content()


@ROUTES.post(_WEBHOOK)
async def post_by_token(request: web.Request) -> web.Response:
    """Send a follow-up to an interaction, or a webhook's message."""
    world, form = world_of(request), await read_form(request)
    draft = draft_from(form)
    if _is_interaction(request):
        message = world.interactions.follow_up(path_id(request, "webhook"), request.match_info["token"], draft)
        return json_response(world.messages.payload(message))
    message = _execute(request, form, draft)
    return (
        json_response(world.messages.payload(message)) if request.query.get("wait") in ("1", "true") else no_content()
    )


@ROUTES.get(_WEBHOOK + "/messages/{message}")
async def get_by_token(request: web.Request) -> web.Response:
    """Get a response to an interaction, or a webhook's message."""
    return json_response(world_of(request).messages.payload(_message(request)))


@ROUTES.patch(_WEBHOOK + "/messages/{message}")
async def edit_by_token(request: web.Request) -> web.Response:
    """Edit a response to an interaction, or a webhook's message."""
    world, message, form = world_of(request), _message(request), await read_form(request)
    draft, keep = edited(draft_of(message), form), kept_attachments(form.payload)
    if _is_interaction(request):
        world.interactions.edit(path_id(request, "webhook"), request.match_info["token"], message, draft, keep)
    else:
        world.messages.edit(message, draft, keep_attachments=keep)
    return json_response(world.messages.payload(message))


@ROUTES.delete(_WEBHOOK + "/messages/{message}")
async def delete_by_token(request: web.Request) -> web.Response:
    """Delete a response to an interaction, or a webhook's message."""
    world, message = world_of(request), _message(request)
    if _is_interaction(request):
        world.interactions.delete(path_id(request, "webhook"), request.match_info["token"], message)
    else:
        world.messages.delete(message)
    return no_content()


def _is_interaction(request: web.Request) -> bool:
    return path_id(request, "webhook") in world_of(request).directory.applications


def _execute(request: web.Request, form: Form, draft: Draft) -> Message:
    webhooks = world_of(request).webhooks
    webhook = webhooks.authorised(path_id(request, "webhook"), request.match_info["token"])
    name, avatar = (str(form.payload[key]) if form.payload.get(key) else None for key in ("username", "avatar_url"))
    return webhooks.execute(webhook, draft, name=name, avatar=avatar, thread_id=_thread(request))


def _message(request: web.Request) -> Message:
    world, which = world_of(request), request.match_info["message"]
    if _is_interaction(request):
        message_id = None if which == ORIGINAL else field_id(which, "message")
        return world.interactions.message(path_id(request, "webhook"), request.match_info["token"], message_id)
    webhook = world.webhooks.authorised(path_id(request, "webhook"), request.match_info["token"])
    return world.webhooks.message(webhook, field_id(which, "message"), _thread(request))


def _thread(request: web.Request) -> int | None:
    return field_id(request.query["thread_id"], "thread_id") if "thread_id" in request.query else None
