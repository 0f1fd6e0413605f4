"""What the bot remembers of a person, as that person reads it: the list, and the controls below it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.commands.guarded_view import GuardedView
from bot.commands.json_file import JsonTooLargeError, json_file
from bot.guard import Guard
from bot.memory.listing import page_of
from bot.memory.records import Fact
from bot.personal_data.facts import fact_fields
from bot.text import escape_markdown, shorten
from bot.user_error import UserError

MAX_LISTED = 25
"""Maximum number of facts in a list. A menu of Discord's has room for as many."""
MAX_TEXT = 150
"""Maximum number of characters of a fact, and of the sentence it comes from, in the list."""
MAX_MENU_TEXT = 95
CONFIRM_SECONDS = 60.0
"""Seconds after which "forget everything" can't be confirmed any more."""

NO_FACTS = "🧠 I remember nothing of you here."
NO_FACTS_OF = "🧠 I remember nothing of **{name}** that you may know."
MINE = "🧠 **What I remember of you here** ({count})"
OF = "🧠 **What I remember of {name}, as far as you may know it** ({count})"
MORE = "Page {page} of {pages}: `{prefix}memory {part} {other}` shows another one."
HOW = "`{prefix}memory correct NUMBER TEXT` corrects one. The menu below makes me forget one."
CHOOSE = "Forget one of these…"
FORGET_ALL, SWITCH_OFF, EXPORT = "Forget everything", "Remember nothing of me", "All of it in a file"
WITH_IT = (
    "Whatever else I knew of you with the same names or words is gone too, also from notes of calls. What others said "
    "later with a name that came up here through you is gone as well. All else that others said is theirs, and stays."
)
FORGOTTEN = f"🧠 Forgotten ({{count}}): nothing of it is in my files any more. {WITH_IT}"
NOT_YOURS = "❌ I remember nothing of you with the number {number}. `{prefix}memory` shows the numbers."
TOO_LARGE = "❌ {count} facts do not fit into one file for Discord. The people who run me can give them to you."
SURE = "🧠 Forget everything that I remember of you, on all servers? That can't be undone."
SURE_YES, SURE_NO = "Forget it", "Keep it"
STAYS = "👍 I keep it."
TOO_LATE = "⌛ That question is too old, so nothing was forgotten. Ask me again."
ALL_FORGOTTEN = "🧠 I have forgotten everything that I remembered of you ({count})."
OFF = "🧠 I remember nothing of you from now on, and have forgotten what I knew. `{prefix}memory on` lets me remember."


def facts_text(
    facts: Sequence[Fact], heading: str, prefix: str, *, reader: int, about: int, page: int = 1, part: str = "me"
) -> str:
    """A page of the list of facts, for the person who reads it.

    Args:
        reader: id of the person who reads it. In the list this person is "you".
        about: id of the person whom the facts are about.
        page: the number of the page, from 1; see :func:`~bot.memory.listing.page_of`.
        part: the part of the command that shows another page, as it is typed.
    """
    shown, page, pages = page_of(facts, page, MAX_LISTED)
    lines = [heading, *(_line(fact, reader, about) for fact in shown)]
    if pages > 1:
        other = page % pages + 1
        lines.append(MORE.format(page=page, pages=pages, prefix=prefix, part=part, other=other))
    if reader == about:
        lines.append(HOW.format(prefix=prefix))
    return "\n".join(lines)


def _line(fact: Fact, reader: int, about: int) -> str:
    subject = "" if fact.person == about else f"{_shown(fact.person_name)}: "
    speaker = "you" if fact.speaker == reader else _shown(fact.speaker_name)
    quote = "" if fact.quote == fact.text else f": “{_shown(fact.quote)}”"
    return f"`{fact.id}` {subject}{_shown(fact.text)} ({speaker}, <t:{fact.said_at:.0f}:D>{quote})"


def _shown(text: str) -> str:
    return escape_markdown(shorten(" ".join(text.split()), MAX_TEXT))


def facts_file(facts: Sequence[Fact]) -> discord.File:
    """All facts as a JSON file. Blocks for a moment.

    Raises:
        UserError: it is too large for Discord.
    """
    try:
        return json_file("memory", {"facts": [fact_fields(fact) for fact in facts]})[0]
    except JsonTooLargeError as error:
        raise UserError(TOO_LARGE.format(count=len(facts))) from error


Press = Callable[[discord.Interaction[Any], list[str]], Awaitable[None]]
"""Carries out what a pressed control is for. Gets the interaction, and the values that were chosen in a menu."""


@dataclass(frozen=True, slots=True)
class Presses:
    """For each control below a list or a question, the function that carries out what the control is for."""

    forget_one: Press
    ask_all: Press
    forget_all: Press
    keep_all: Press
    switch_off: Press
    export: Press


class MemoryView(GuardedView):
    """Controls below a list of facts, or below the question whether everything is to be forgotten.

    They work after a restart too, because their ids are always the same. Whoever presses one acts on their own facts,
    so it does not matter who can press it.

    Args:
        facts: what the menu offers; there is no menu if it is empty.
    """

    def __init__(self, guard: Guard, presses: Presses, facts: Sequence[Fact] = (), *, question: bool = False) -> None:
        super().__init__(guard, "memory", timeout=None)
        if question:
            danger, usual = discord.ButtonStyle.danger, discord.ButtonStyle.secondary
            self.add_item(_Button(SURE_YES, "memory:all-yes", danger, presses.forget_all))
            self.add_item(_Button(SURE_NO, "memory:all-no", usual, presses.keep_all))
            return
        if facts:
            self.add_item(_Menu(facts, presses.forget_one))
        usual = discord.ButtonStyle.secondary
        self.add_item(_Button(EXPORT, "memory:export", usual, presses.export))
        self.add_item(_Button(FORGET_ALL, "memory:all", discord.ButtonStyle.danger, presses.ask_all))
        self.add_item(_Button(SWITCH_OFF, "memory:off", usual, presses.switch_off))


class _Button(discord.ui.Button[MemoryView]):
    def __init__(self, label: str, custom_id: str, style: discord.ButtonStyle, press: Press) -> None:
        super().__init__(label=label, custom_id=custom_id, style=style)
        self._press = press

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Carry out what the button is for."""
        await self._press(interaction, [])


class _Menu(discord.ui.Select[MemoryView]):
    def __init__(self, facts: Sequence[Fact], press: Press) -> None:
        options = [
            discord.SelectOption(label=shorten(f"{fact.id}: {fact.text}", MAX_MENU_TEXT), value=str(fact.id))
            for fact in facts[:MAX_LISTED]
        ]
        super().__init__(placeholder=CHOOSE, custom_id="memory:forget", options=options)
        self._press = press

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Carry out what the menu is for, with the chosen values."""
        await self._press(interaction, self.values)
