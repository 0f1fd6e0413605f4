"""The Discord client: intents, slash commands, rights, errors of commands, and the address of the API."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.ext import commands
from discord.ext.commands.hybrid import HybridAppCommand

from bot.access import NotPermittedError
from bot.commands.merged_answers import MergedAnswers
from bot.commands.mistakes import mistake_words
from bot.commands.unknown import require_known_part, spellings
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.gateway_events import BoundedBackoff, NotConnectedYet, TolerantWebSocket
from bot.guard import SERVER_ONLY, Guard, PermitRequest
from bot.identity import HEADERS
from bot.network_errors import network_error_text
from bot.operator_files import trust
from bot.rights import MissingRightError
from bot.store import Store
from bot.user_error import UserError

_log = logging.getLogger(__name__)

SYNCED_COMMANDS = "synced commands"
TOKEN_LIMIT = 3.0
"""Seconds for asking Discord whether the token is valid. If Discord takes longer, the check is skipped."""
DISCONNECT_LIMIT = 1.0
"""Seconds for disconnecting from Discord. After that, only the HTTP session is closed."""
WENT_WRONG = "❌ Something went wrong on my side. It is in the log; please try again."


async def use_api(url: str) -> None:
    """Make discord.py use another address for Discord's API, such as the sandbox or a proxy, in the whole process.

    The address of the gateway comes from this API.

    Raises:
        OSError: the API can't be reached, or does not answer like Discord's.
    """
    base = url.rstrip("/")
    try:
        async with aiohttp.ClientSession(headers=HEADERS) as session, session.get(f"{base}/gateway") as response:
            gateway = yarl.URL((await response.json())["url"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise OSError(
            f"DISCORD_API_URL={url} does not answer as Discord's API does: {network_error_text(error)}"
        ) from error
    discord.http.Route.BASE = base
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway


async def check_token(token: str, ca_file: Path | None) -> None:
    """Ask Discord whether the token is valid, before anything large is loaded.

    If Discord can't be reached, the function returns without an error.

    Raises:
        discord.LoginFailure: the token is not valid.
        OperatorFileError: ``ca_file`` can't be used.
    """
    tcp = connector(ca_file)
    headers = {**HEADERS, "Authorization": f"Bot {token.strip()}"}
    limit = aiohttp.ClientTimeout(total=TOKEN_LIMIT)
    async with aiohttp.ClientSession(connector=tcp, timeout=limit) as session:
        try:
            async with session.get(f"{discord.http.Route.BASE}/users/@me", headers=headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return
    if status == HTTPStatus.UNAUTHORIZED:
        raise discord.LoginFailure("Discord does not accept the token.")


def connector(ca_file: Path | None) -> aiohttp.TCPConnector:
    """Make an HTTP connector that trusts the system's certificate authorities and ``ca_file``.

    Call this function on the event loop.

    Raises:
        OperatorFileError: the file can't be read, or is not a certificate.
    """
    context = ssl.create_default_context()
    trust(context, ca_file)
    return aiohttp.TCPConnector(ssl=context, limit=0)


class CommandRefusedError(UserError, commands.CheckFailure):
    """The guard refused a command. The text is for the person."""


class SeiyuuBot(commands.Bot):
    """discord.py's bot with checked rights, registered slash commands, and clear error texts.

    Args:
        when_first_ready: called once, when discord.py's cache is complete.
        guard: checks the rights before every command.
        before_close: called once before the bot disconnects for any reason, to end calls and features.
    """

    def __init__(
        self,
        prefix: str,
        store: Store,
        when_first_ready: Callable[[], Awaitable[None]],
        tcp: aiohttp.TCPConnector,
        guard: Guard,
        *,
        before_close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__(
            prefix,
            # Phones begin each message with a capital, and may put a space after the prefix.
            case_insensitive=True,
            strip_after_prefix=True,
            intents=intents,
            help_command=None,
            tree_cls=_HybridTree,
            connector=tcp,
            allowed_mentions=discord.AllowedMentions(everyone=False, users=False, roles=False, replied_user=True),
        )
        self.guard = guard
        self.add_check(self._is_permitted)
        self._prefix = prefix
        self._store = store
        self._when_first_ready: Callable[[], Awaitable[None]] | None = when_first_ready
        self._before_close = before_close
        self._refusals = MergedAnswers()

    @property
    def connected(self) -> bool:
        """Whether the connection to Discord's gateway is open."""
        return self.is_ready() and self.ws is not None and self.ws.open

    async def connect(self, *, reconnect: bool = True) -> None:
        """Connect to the gateway, and stay connected when a message can't be read, until the bot is closed."""
        # discord.py looks these classes up in its module `discord.client`. No argument can name other classes.
        discord.client.DiscordWebSocket = TolerantWebSocket  # type: ignore[misc]
        discord.client.ExponentialBackoff = BoundedBackoff  # type: ignore[assignment, attr-defined]
        self.ws = self.ws or NotConnectedYet()  # type: ignore[assignment]
        await super().connect(reconnect=reconnect)

    async def close(self) -> None:
        """Disconnect. If that takes longer than :data:`DISCONNECT_LIMIT`, only close the HTTP session."""
        before_close, self._before_close = self._before_close, None
        if before_close is not None:
            await before_close()
        closing = asyncio.ensure_future(super().close())
        done, _ = await asyncio.wait([closing], timeout=DISCONNECT_LIMIT)
        if done:
            closing.result()
            return
        closing.cancel()
        _log.warning("Disconnecting from Discord took longer than %.0f s and was given up", DISCONNECT_LIMIT)
        await self.http.close()

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Dispatch an event, unless the bot is closed."""
        if not self.is_closed():
            super().dispatch(event_name, *args, **kwargs)

    async def add_cogs(self, cogs: Iterable[commands.Cog]) -> None:
        """Add all cogs."""
        for cog in cogs:
            await self.add_cog(cog)

    def add_command(self, command: commands.Command[Any, ..., Any], /) -> None:
        """Add a command with all its spellings.

        Raises:
            MissingRightError: the command has no row in the table of rights.
        """
        for each in (command, *(command.walk_commands() if isinstance(command, commands.Group) else ())):
            self.guard.require_row(each.qualified_name)
        command.aliases = [*command.aliases, *spellings(command.name)[1:]]
        super().add_command(command)

    async def _is_permitted(self, ctx: commands.Context[Any]) -> bool:
        """discord.py's check before every command; raises :class:`CommandRefusedError` if the guard refuses it."""
        if ctx.command is None:
            return True
        if ctx.guild is None:
            # A command that works only on servers says this in a direct message, even to people without the right to
            # use it. Therefore the checks of the command itself run before the check of rights.
            for own_check in ctx.command.checks:
                await discord.utils.maybe_coroutine(own_check, ctx)
        request = PermitRequest(self, ctx.author, ctx.guild.id if ctx.guild else None, _has_no_arguments(ctx))
        try:
            await self.guard.require(ctx.command.qualified_name, request)
        except NotPermittedError as error:
            raise CommandRefusedError(str(error)) from error
        require_known_part(ctx, self._prefix)
        return True

    async def on_message(self, message: discord.Message, /) -> None:
        """Run the command in a message that begins with the prefix.

        The other messages are not handed to discord.py, which would parse each of them.
        """
        if message.content.startswith(self._prefix):
            await self.process_commands(message)

    async def setup_hook(self) -> None:
        """Register the slash commands with Discord if they have changed. Discord limits how often this may be done."""
        wanted = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        digest = hashlib.sha256(json.dumps([self.application_id, wanted], sort_keys=True).encode()).hexdigest()
        if await self._store.setting(SYNCED_COMMANDS) == digest:
            return
        try:
            await self.tree.sync()
        except DISCORD_ERRORS as error:
            line = "Could not register the slash commands (%s); typed commands work"
            _log.warning(line, discord_error_detail(error))
        else:
            await self._store.set_setting(SYNCED_COMMANDS, digest)

    async def on_ready(self) -> None:
        """Call ``when_first_ready`` once. Discord sends the event again after every session that was not resumed."""
        when_ready, self._when_first_ready = self._when_first_ready, None
        if when_ready is not None:
            await when_ready()

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log an error of an event handler. Once the bot is closed, errors are expected and logged at debug level."""
        if self.is_closed():
            _log.debug("%s was not done: the bot is closed", event_method, exc_info=True)
        else:
            await super().on_error(event_method, *args, **kwargs)

    async def on_command_error(self, ctx: commands.Context[Any], error: commands.CommandError, /) -> None:
        """Answer a failed command with a text that says what the person can do."""
        if self.is_closed():
            _log.debug("%s was not done: the bot is closed", ctx.command, exc_info=error)
            return
        text = self._explain(ctx, error)
        if text is None:
            return
        if ctx.interaction is None:
            await self._refusals.send(ctx.channel.id, text, ctx.send)
            return
        try:
            await ctx.send(text, ephemeral=True)
        except DISCORD_ERRORS as cause:
            _log.warning("Could not answer %s: %s", ctx.author, discord_error_detail(cause))

    def _explain(self, ctx: commands.Context[Any], error: BaseException) -> str | None:
        original = getattr(error, "original", None)
        if isinstance(original, BaseException):
            return self._explain(ctx, original)
        match error:
            case UserError():
                return str(error)
            case commands.CommandNotFound():
                return None  # UnknownCommands answers unknown commands.
            case commands.MissingPermissions():
                return "🔒 That is for people who may manage this server."
            case commands.NoPrivateMessage():
                return SERVER_ONLY
            case commands.UserInputError():
                return mistake_words(ctx, error, self._prefix)
            case _:
                _log.error("A command failed: %s", ctx.command, exc_info=error)
                return WENT_WRONG


class _HybridTree(app_commands.CommandTree[SeiyuuBot]):
    """A command tree that accepts only hybrid commands (slash and typed), because the guard checks only those."""

    def add_command(self, command: Any, /, **options: Any) -> None:
        """Add a command; raises :class:`~bot.rights.MissingRightError` if it is not a hybrid command."""
        for each in command.walk_commands() if isinstance(command, app_commands.Group) else (command,):
            if not isinstance(each, HybridAppCommand | app_commands.Group):
                raise MissingRightError(f"{each.name!r} must be a hybrid command: the guard checks no others.")
        super().add_command(command, **options)


def _has_no_arguments(ctx: commands.Context[Any]) -> bool:
    if ctx.interaction is not None:
        return not list(ctx.interaction.namespace)
    return not ctx.view.buffer[ctx.view.index :].strip()
