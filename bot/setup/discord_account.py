"""Asks Discord's REST API about a token's bot: its name, whether it may read messages, its servers' text channels."""

from __future__ import annotations

import asyncio
import json
import ssl
from http import HTTPStatus
from typing import Any

import aiohttp

from bot.check_result import CheckResult
from bot.identity import HEADERS
from bot.login_texts import NO_MESSAGE_CONTENT, UNREACHABLE, WRONG_TOKEN
from bot.network_errors import network_error_text
from bot.operator_files import trust
from config.settings import Settings
from web_access.bodies import read_beginning

API = "https://discord.com/api/v10"
"""The base address of Discord's API, unless ``DISCORD_API_URL`` names another one."""
REQUEST_LIMIT = 8.0
"""Seconds for one request."""
MAX_BYTES = 1 << 20
MAX_SERVERS = 10
"""Largest number of servers whose channels are looked at."""
_READS_MESSAGES = (1 << 18) | (1 << 19)
"""Flags of an application that may read messages: one for applications on many servers, one for those on few."""
_TEXT_CHANNEL = 0
_SHOWN = 8
_DOTS = 2
"""Number of dots in a bot's token."""
NOT_LIKE_ONE = "And this does not look like a bot's token, which has two dots in it."


class AccountError(Exception):
    """Discord does not answer a question. The text says why, and what to do."""


class DiscordAccount:
    """The account that a token belongs to. Its checks never raise: if Discord can't be asked, their results say so."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._base = str(settings.discord_api_url or API).rstrip("/")
        self._token = token.strip()
        self._ca_file = settings.discord_ca_file

    async def check(self) -> CheckResult:
        """Whether Discord accepts the token, and whether the bot may read messages."""
        try:
            user, application = await self._ask("/users/@me"), await self._ask("/applications/@me")
            name, number, flags = str(user["username"]), int(application["id"]), int(application.get("flags") or 0)
        except AccountError as error:
            odd = "" if self._token.count(".") == _DOTS else f" {NOT_LIKE_ONE}"
            return CheckResult("Discord", False, f"{error}{odd}")
        except (LookupError, TypeError, ValueError, AttributeError):
            return CheckResult("Discord", False, UNREACHABLE.format(cause="what it answers is not Discord's"))
        if not flags & _READS_MESSAGES:
            return CheckResult("Discord", False, NO_MESSAGE_CONTENT)
        link = await asyncio.to_thread(_invite_link, number)
        return CheckResult("Discord", True, f"the token is {name}'s; invite link: {link}")

    async def check_channel(self, wanted: str) -> CheckResult:
        """Whether every server that the bot is on has a text channel of this name or id."""
        try:
            servers = (await self._ask("/users/@me/guilds"))[:MAX_SERVERS]
            if not servers:
                text = f"the bot is on no server yet, so nobody can say whether there is a channel {wanted!r}"
                return CheckResult("Prompts", None, text)
            for server in servers:
                channels = await self._ask(f"/guilds/{int(server['id'])}/channels")
                texts = [each for each in channels if each["type"] == _TEXT_CHANNEL]
                if not any(wanted.removeprefix("#") in (each["id"], each["name"]) for each in texts):
                    names = ", ".join(str(each["name"]) for each in texts[:_SHOWN]) or "none"
                    text = f"the server {server['name']} has no text channel {wanted!r}. It has: {names}."
                    return CheckResult("Prompts", False, text)
        except AccountError as error:
            return CheckResult("Prompts", False, str(error))
        except (LookupError, TypeError, ValueError):
            return CheckResult("Prompts", False, UNREACHABLE.format(cause="what it answers is not Discord's"))
        where = f"{len(servers)} server{'s' if len(servers) > 1 else ''}"
        return CheckResult("Prompts", True, f"there is a text channel {wanted!r} on {where}")

    async def _ask(self, path: str) -> Any:
        asked = {**HEADERS, "Authorization": f"Bot {self._token}"}
        try:
            context = ssl.create_default_context()
            trust(context, self._ca_file)
            async with (
                asyncio.timeout(REQUEST_LIMIT),
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
                session.get(f"{self._base}{path}", headers=asked, allow_redirects=False) as response,
            ):
                body = await read_beginning(response.content, MAX_BYTES)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise AccountError(UNREACHABLE.format(cause=network_error_text(error))) from error
        if status == HTTPStatus.UNAUTHORIZED:
            raise AccountError(WRONG_TOKEN)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise AccountError("Discord asks to wait, because it got too many requests. Try again in a minute.")
        if status != HTTPStatus.OK:
            raise AccountError(UNREACHABLE.format(cause=f"it answers with status {status}"))
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise AccountError(UNREACHABLE.format(cause="what it answers is not JSON")) from error


def _invite_link(application_id: int) -> str:
    # Without calls on Discord, discord.py is loaded only for this.
    from bot.voice.discord.permissions import invite_link

    return invite_link(application_id)
