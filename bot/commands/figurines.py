"""The commands about news of figurines."""

from __future__ import annotations

from typing import Any

from discord.ext import commands

from bot.features.figurine_notifier.feature import FigurineNotifier
from bot.features.figurine_notifier.notice import plain
from bot.features.figurine_notifier.subscriptions import DIRECT, Subscription, TooManySubscriptionsError
from bot.text import split_message
from bot.voice.manager import CallError

Context = commands.Context[Any]

MAX_WORDS = 100
"""Characters."""
TOO_MANY_WORDS = f"❌ That is too much to look for: {MAX_WORDS} characters are all I keep."
TOO_MANY = "❌ There are too many subscriptions already, yours or in this channel. Write me in private instead."
NOT_SUBSCRIBED = "❌ You have no subscription here. `{prefix}figurines list` shows where you have."
UNSUBSCRIBED = "🎎 I tell you no more here."
NOTHING = "🎎 You have no subscription. `{prefix}figurines subscribe` begins one, here or in a message to me."


class FigurineCommands(commands.Cog, name="Figurines"):
    """Be told of new figurines, in a channel or in private."""

    def __init__(self, notifier: FigurineNotifier, prefix: str) -> None:
        self._notifier = notifier
        self._prefix = prefix

    @commands.hybrid_group(case_insensitive=True, description="News of figurines.")
    async def figurines(self, ctx: Context) -> None:
        """See what I tell you of new figurines (`list`), and change it (`subscribe`, `unsubscribe`)."""
        await self._list(ctx)

    @figurines.command(description="I tell you here of new figurines.")
    async def subscribe(self, ctx: Context, *, words: str = "") -> None:
        """Be told here of new figurines: of all, or of those with all these words in the title."""
        if len(words) > MAX_WORDS:
            raise CallError(TOO_MANY_WORDS)
        subscription = Subscription(ctx.author.id, _place(ctx), tuple(words.casefold().split()))
        try:
            await self._notifier.subscribe(subscription)
        except TooManySubscriptionsError as error:
            raise CallError(TOO_MANY) from error
        await ctx.send(f"🎎 I tell you here of {_of(subscription)}.", ephemeral=True)

    @figurines.command(description="I tell you here of figurines no more.")
    async def unsubscribe(self, ctx: Context) -> None:
        """Be told here no more."""
        if not await self._notifier.unsubscribe(ctx.author.id, _place(ctx)):
            raise CallError(NOT_SUBSCRIBED.format(prefix=self._prefix))
        await ctx.send(UNSUBSCRIBED, ephemeral=True)

    @figurines.command(name="list", description="What I tell you of figurines, and where.")
    async def list_subscriptions(self, ctx: Context) -> None:
        """See what I tell you of figurines, and where."""
        await self._list(ctx)

    async def _list(self, ctx: Context) -> None:
        found = await self._notifier.subscriptions_of(ctx.author.id)
        lines = [f"• {f'<#{each.channel}>' if each.channel else 'in private'}: {_of(each)}" for each in found]
        text = "\n".join(["🎎 I tell you of figurines:", *lines]) if lines else NOTHING.format(prefix=self._prefix)
        for part in split_message(text):
            await ctx.send(part, ephemeral=True)


def _place(ctx: Context) -> int:
    return ctx.channel.id if ctx.guild else DIRECT


def _of(subscription: Subscription) -> str:
    if not subscription.words:
        return "every new figurine"
    return f"new figurines with {' and '.join(f'“{plain(word)}”' for word in subscription.words)} in the title"
