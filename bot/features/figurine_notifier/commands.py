"""The ``figurines`` commands: subscribe, unsubscribe, list."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.features.figurine_notifier.feature import FigurineNotifier
from bot.features.figurine_notifier.notice import escaped
from bot.features.figurine_notifier.subscriptions import DIRECT, Subscription, TooManySubscriptionsError
from bot.text import split_message
from bot.user_error import UserError

Context = commands.Context[Any]

MAX_SEARCH_CHARACTERS = 100
"""Maximum number of characters of the words that a subscription looks for."""
SEARCH_TOO_LONG = f"❌ That is too long to search for: the limit is {MAX_SEARCH_CHARACTERS} characters."
TOO_MANY = "❌ You or this channel has too many subscriptions already. Try it in a private message to me."
NOT_SUBSCRIBED = "❌ You have no subscription here. `{prefix}figurines list` shows where you have one."
REPLACED = " That replaces what you had subscribed to here before: {before}."
UNSUBSCRIBED = "🎎 You won't get figurine news here any more."
NOTHING = "🎎 You have no subscription. `{prefix}figurines subscribe` starts one, here or in a private message to me."


class FigurineCommands(commands.Cog, name="Figurines"):
    """Get news of new figurines, in a channel or in private."""

    def __init__(self, notifier: FigurineNotifier, prefix: str) -> None:
        self._notifier = notifier
        self._prefix = prefix

    @commands.hybrid_group(
        case_insensitive=True,
        description="Show your subscriptions to figurine news.",
        usage="subscribe|unsubscribe|list",
        brief="figurine news",
    )
    async def figurines(self, ctx: Context) -> None:
        """Get news of new figurines (`subscribe`), stop it (`unsubscribe`), or see your subscriptions (`list`)."""
        await self._list(ctx)

    @figurines.command(description="Get news of new figurines here.", usage="[words]", extras={"example": "rin"})
    @app_commands.describe(words="Only figurines with all these words in the title. Leave it empty for all figurines.")
    async def subscribe(self, ctx: Context, *, words: str = "") -> None:
        """Get news of new figurines here: of all, or of those with all these words in the title."""
        if len(words) > MAX_SEARCH_CHARACTERS:
            raise UserError(SEARCH_TOO_LONG)
        subscription = Subscription(ctx.author.id, _channel_of(ctx), tuple(words.casefold().split()))
        try:
            before = await self._notifier.subscribe(subscription)
        except TooManySubscriptionsError as error:
            raise UserError(TOO_MANY) from error
        replaces = REPLACED.format(before=_description(before)) if before and before != subscription else ""
        await ctx.send(f"🎎 You will get news here of {_description(subscription)}.{replaces}", ephemeral=True)

    @figurines.command(description="Stop figurine news here.")
    async def unsubscribe(self, ctx: Context) -> None:
        """Stop figurine news here."""
        if not await self._notifier.unsubscribe(ctx.author.id, _channel_of(ctx)):
            raise UserError(NOT_SUBSCRIBED.format(prefix=self._prefix))
        await ctx.send(UNSUBSCRIBED, ephemeral=True)

    @figurines.command(name="list", description="Show your subscriptions to figurine news.")
    async def list_subscriptions(self, ctx: Context) -> None:
        """Show your subscriptions to figurine news."""
        await self._list(ctx)

    async def _list(self, ctx: Context) -> None:
        found = await self._notifier.subscriptions_of(ctx.author.id)
        lines = [f"• {f'<#{each.channel}>' if each.channel else 'in private'}: {_description(each)}" for each in found]
        text = "\n".join(["🎎 Your figurine news:", *lines]) if lines else NOTHING.format(prefix=self._prefix)
        for part in split_message(text):
            await ctx.send(part, ephemeral=True)


def _channel_of(ctx: Context) -> int:
    return ctx.channel.id if ctx.guild else DIRECT


def _description(subscription: Subscription) -> str:
    if not subscription.words:
        return "every new figurine"
    return f"new figurines with {' and '.join(f'“{escaped(word)}”' for word in subscription.words)} in the title"
