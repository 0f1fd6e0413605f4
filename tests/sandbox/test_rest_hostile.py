"""Hostile request bodies for every route: they are refused and never cause a server error."""

from __future__ import annotations

import random
import re
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.rest import rest_application
from sandbox.rest.faults import RestFaults
from sandbox.server import Sandbox
from sandbox.world.entities import Draft
from sandbox.world.permissions import EVERYTHING
from sandbox.world.world import World

FIELDS = (
    "content",
    "embeds",
    "attachments",
    "components",
    "message_reference",
    "message_id",
    "allowed_mentions",
    "parse",
    "users",
    "roles",
    "flags",
    "nonce",
    "tts",
    "type",
    "data",
    "name",
    "description",
    "options",
    "required",
    "recipient_id",
    "avatar",
    "username",
    "nick",
    "mute",
    "deaf",
    "channel_id",
    "suppress",
    "request_to_speak_timestamp",
    "topic",
    "user_limit",
    "bitrate",
    "archived",
    "allow",
    "deny",
    "status",
    "messages",
    "choices",
    "id",
    "replied_user",
    "fail_if_not_exists",
    "filename",
)
VALUES: list[Any] = [None, True, 0, -1, 1, 7.5, 10**30, "", "x", "-1", "x" * 3000, "\ud83c", [], [7], [None], ["x"], {}]


def _routes() -> list[tuple[str, str]]:
    routes = rest_application(World(), RestFaults()).router.routes()
    return sorted(
        (route.method, route.resource.canonical)
        for route in routes
        if route.method in ("POST", "PUT", "PATCH") and isinstance(route.resource, web.Resource)
    )


def _random_json(rng: random.Random, depth: int = 0) -> Any:
    if depth > 3 or rng.random() < 0.3:
        return rng.choice(VALUES)
    if rng.random() < 0.3:
        return [_random_json(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {name: _random_json(rng, depth + 1) for name in rng.sample(FIELDS, rng.randrange(1, 25))}


@pytest.mark.parametrize(("method", "path"), _routes())
async def test_no_random_body_breaks_the_server(method: str, path: str) -> None:
    await send_random_bodies(method, path, 12)


@pytest.mark.slow
async def test_none_of_many_random_bodies_breaks_the_server() -> None:
    for method, path in _routes():
        await send_random_bodies(method, path, 60)


async def send_random_bodies(method: str, path: str, rounds: int) -> None:
    rng = random.Random(f"{method} {path}")
    async with Sandbox() as sandbox:
        headers = {"Authorization": f"Bot {sandbox.bot_token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            for _ in range(rounds):
                url = sandbox.api_url + _filled(sandbox, path)
                async with http.request(method, url, json=_random_json(rng)) as response:
                    assert response.status < 500, await response.text()


def _filled(sandbox: Sandbox, path: str) -> str:
    """The path with ids of things that exist. Most are new: an earlier request may have changed older ones."""
    world = sandbox.world
    role_id = sandbox.guild.members[sandbox.bot_id].roles[0]
    world.directory.set_role_permissions(sandbox.guild, role_id, EVERYTHING)
    ada = world.directory.add_user("Ada")
    world.directory.add_member(sandbox.guild, ada)
    if "voice-state" in path:
        world.voice.join(sandbox.bot_id, sandbox.stage_channel.id)
    message = world.messages.post(sandbox.text_channel, sandbox.bot, Draft("x"))
    world.commands.put(sandbox.home.bot, None, {"name": "x", "description": "x", "type": 1})
    interaction = world.interactions.press(ada, sandbox.text_channel, "x", {})
    if "/webhooks/" in path:
        world.interactions.respond(interaction.id, interaction.token, 4, {}, Draft("x"))
    message_id = "@original" if path.startswith("/webhooks/") else str(message.id)
    ids = {
        "application": sandbox.bot_id,
        "channel": sandbox.voice_channel.id if "voice-status" in path else sandbox.text_channel.id,
        "command": world.commands.registered(sandbox.home.bot, None)[0]["id"],
        "emoji": "x:100000000000000000",
        "guild": sandbox.guild.id,
        "interaction": interaction.id,
        "message": message_id,
        "role": role_id,
        "target": ada.id,
        "token": interaction.token,
        "user": ada.id,
        "webhook": sandbox.bot_id,
    }
    return re.sub(r"{(\w+)}", lambda match: str(ids[match[1]]), path)
