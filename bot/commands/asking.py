"""Asks one person a yes-or-no question, with two buttons below a message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import discord
from discord.ext import commands

from bot.commands.guarded_view import GuardedView
from bot.commands.outdated_questions import OUTDATED, OutdatedQuestions
from bot.guard import Guard

ANSWER_SECONDS = 60.0
"""Seconds in which the person can answer."""
NOT_ASKED = "🔒 Only {name} can answer that."
GIVE_AGAIN = f"{OUTDATED} Please give the command again."
_ANYBODYS = "help"
"""A command that everybody may use everywhere. It is used for old questions, which do not say to which command they
belong."""


class ButtonAnswer(StrEnum):
    """Result of a question."""

    YES = "yes"
    NO = "no"
    NONE = "none"
    """Nobody answered in time."""


@dataclass(frozen=True, slots=True)
class AskResult:
    """The message with the question, and the answer. The message keeps its buttons until it is edited."""

    message: discord.Message
    answer: ButtonAnswer


@dataclass(frozen=True, slots=True)
class Choices:
    """The labels of the two buttons. ``dangerous`` makes the first button red."""

    yes: str
    no: str
    dangerous: bool = False


class _Question(GuardedView):
    def __init__(
        self,
        ctx: commands.Context[Any],
        person: discord.User | discord.Member,
        choices: Choices,
        seconds: float,
    ) -> None:
        command = ctx.command.qualified_name if ctx.command else ""
        super().__init__(ctx.bot.guard, command, anybody=person.id != ctx.author.id, timeout=seconds)
        self.answer = ButtonAnswer.NONE
        self._person = person
        style = discord.ButtonStyle.danger if choices.dangerous else discord.ButtonStyle.success
        self.add_item(_Button(ButtonAnswer.YES, choices.yes, style))
        self.add_item(_Button(ButtonAnswer.NO, choices.no, discord.ButtonStyle.secondary))

    def refusal_for(self, person: discord.User | discord.Member) -> str | None:
        """An error text for everybody except the person who was asked."""
        if person.id == self._person.id:
            return None
        return NOT_ASKED.format(name=discord.utils.escape_markdown(self._person.display_name))

    async def take(self, answer: ButtonAnswer, interaction: discord.Interaction[Any]) -> None:
        """Record the answer and close the question."""
        self.answer = answer
        self.stop()
        await interaction.response.defer()


class _Button(discord.ui.Button[_Question]):
    def __init__(self, answer: ButtonAnswer, label: str, style: discord.ButtonStyle) -> None:
        super().__init__(label=label, style=style, custom_id=answer.value)
        self._answer = answer

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the answer of a pressed button to the question."""
        if self.view is not None:
            await self.view.take(self._answer, interaction)


def answer_old_questions(client: discord.Client, guard: Guard) -> None:
    """Answer people who press buttons of questions from before the bot's start. Call it on the event loop."""
    ids = (ButtonAnswer.YES.value, ButtonAnswer.NO.value)
    client.add_view(OutdatedQuestions(guard, _ANYBODYS, ids, GIVE_AGAIN, anybody=True))


async def ask(
    ctx: commands.Context[Any],
    person: discord.User | discord.Member,
    question: str,
    choices: Choices,
    *,
    seconds: float = ANSWER_SECONDS,
) -> AskResult:
    """Ask ``person`` and wait at most ``seconds`` for their answer. The question's text may mention the person."""
    view = _Question(ctx, person, choices, seconds)
    message = await ctx.send(question, view=view, allowed_mentions=discord.AllowedMentions(users=[person]))
    await view.wait()
    return AskResult(message, view.answer)
