"""Routes of messages: read, post, edit, delete."""

from __future__ import annotations

from aiohttp import web

from sandbox.rest.context import body_of, caller, field_id, json_response, no_content, path_channel, path_id, world_of
from sandbox.rest.drafts import draft_from, edited, kept_attachments, read_form
from sandbox.world.entities import Channel, ChannelKind, Draft, Message, MessageFlag
from sandbox.world.errors import RestError, closed_dms, invalid_form, no_voice_messages, wrong_channel_type
from sandbox.world.messages import draft_of
from sandbox.world.permissions import Permission

ROUTES = web.RouteTableDef()
_READ = Permission.READ_MESSAGE_HISTORY


@ROUTES.get("/channels/{channel}/messages")
async def get_messages(request: web.Request) -> web.Response:
    """List a channel's messages, newest first."""
    world, channel, reader = world_of(request), path_channel(request), caller(request)
    world.directory.require(reader.id, channel, _READ)
    limit = field_id(request.query.get("limit", "50"), "limit")
    if not 1 <= limit <= 100:
        raise invalid_form("limit", "NUMBER_TYPE_RANGE", "Must be between 1 and 100.")
    before, after, around = (
        field_id(request.query[name], name) if name in request.query else None for name in ("before", "after", "around")
    )
    if around is None:
        found = world.messages.history(channel.id, before=before, after=after, limit=limit)
    else:
        found = world.messages.history(channel.id, after=around, limit=limit // 2)
        found += world.messages.history(channel.id, before=around + 1, limit=limit - len(found))
    return json_response([world.messages.payload(each, reader=reader.id) for each in found])


@ROUTES.get("/channels/{channel}/messages/{message}")
async def get_message(request: web.Request) -> web.Response:
    """Get a message."""
    world, reader = world_of(request), caller(request)
    world.directory.require(reader.id, path_channel(request), _READ)
    return json_response(world.messages.payload(path_message(request), reader=reader.id))


@ROUTES.post("/channels/{channel}/messages")
async def post_message(request: web.Request) -> web.Response:
    """Post a message."""
    world, channel, author = world_of(request), path_channel(request), caller(request)
    if channel.kind is ChannelKind.CATEGORY:
        raise wrong_channel_type()
    draft = draft_from(await read_form(request))
    world.directory.require(author.id, channel, _needed(channel, draft))
    speaks = Permission.SEND_VOICE_MESSAGES in world.directory.permissions(author.id, channel)
    if MessageFlag.VOICE_MESSAGE in draft.flags and not speaks:
        raise no_voice_messages()
    if not all(reader.takes_dms for reader in channel.recipients if reader is not author):
        raise closed_dms()
    return json_response(world.messages.payload(world.messages.post(channel, author, draft)))


@ROUTES.patch("/channels/{channel}/messages/{message}")
async def edit_message(request: web.Request) -> web.Response:
    """Edit a message of the caller."""
    world, message = world_of(request), path_message(request)
    if message.author is not caller(request):
        raise RestError(403, 50005, "Cannot edit a message authored by another user")
    form = await read_form(request)
    world.messages.edit(message, edited(draft_of(message), form), keep_attachments=kept_attachments(form.payload))
    return json_response(world.messages.payload(message))


@ROUTES.delete("/channels/{channel}/messages/{message}")
async def delete_message(request: web.Request) -> web.Response:
    """Delete a message. To delete a message of somebody else, the caller needs the permission to manage messages."""
    world, message = world_of(request), path_message(request)
    if message.author is not caller(request):
        world.directory.require(caller(request).id, path_channel(request), Permission.MANAGE_MESSAGES)
    world.messages.delete(message)
    return no_content()


@ROUTES.post("/channels/{channel}/messages/bulk-delete")
async def delete_messages(request: web.Request) -> web.Response:
    """Delete 2 to 100 messages in one request."""
    world, channel, body = world_of(request), path_channel(request), await body_of(request)
    world.directory.require(caller(request).id, channel, Permission.MANAGE_MESSAGES)
    ids = body.get("messages")
    if not isinstance(ids, list) or not 2 <= len(ids) <= 100:
        raise RestError(400, 50016, "Provided too few or too many messages to delete.")
    world.messages.delete_many(channel, [field_id(each, "messages") for each in ids])
    return no_content()


def path_message(request: web.Request) -> Message:
    """The message in the path. Error 10008 if it does not exist."""
    return world_of(request).messages.get(path_channel(request).id, path_id(request, "message"))


def _needed(channel: Channel, draft: Draft) -> Permission:
    needed = Permission.SEND_MESSAGES_IN_THREADS if channel.kind.is_thread else Permission.SEND_MESSAGES
    if draft.uploads:
        needed |= Permission.ATTACH_FILES
    if draft.reference_id is not None:
        needed |= _READ
    return needed
