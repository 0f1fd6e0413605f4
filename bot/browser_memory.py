"""The command ``memory`` typed in a browser call: the person sees what is remembered of them, and deletes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import aiosqlite

from bot.browser_help import unknown_part
from bot.memory.audience import MemoryAsker
from bot.memory.listing import ALL_WORDS, number_in, page_of
from bot.memory.memory import Memory, MemoryEmptyError
from bot.memory.records import Fact
from bot.text import shorten
from bot.user_error import UserError

MAX_LISTED = 20
"""Maximum number of facts in a list."""
MAX_TEXT = 150
SWITCHED_OFF = "🧠 My memory is switched off (MEMORY)."
NOTHING = "🧠 I remember nothing of you here."
LISTED = "🧠 What I remember of you here ({count}):"
MORE = "Page {page} of {pages}: `{prefix}memory me {other}` shows another one."
HOW = "`{prefix}memory forget NUMBER|WORDS|all`, `{prefix}memory correct NUMBER TEXT`, `{prefix}memory on|off`"
MAY_BE_TYPED = " `{prefix}memory` shows what I remember of you, and these change it: {how}."
FORGOTTEN = (
    "🧠 Forgotten ({count}): nothing of it is in my files any more, nor anything else that you or I said with the same "
    "names or words. What others said stays, except where they used a name after you, and you had said it first."
)
NOT_YOURS = "❌ I remember nothing like that of you. `{prefix}memory` shows what I remember."
CORRECTED = "🧠 Corrected."
ASKED = (
    "🧠 May I remember what you tell me, for later conversations? Type `{prefix}memory on` or `{prefix}memory off`. "
    "Until then I remember nothing."
)
ON = "🧠 I remember from now on what you tell me."
OFF = "🧠 I remember nothing of you from now on, and have forgotten what I knew."
NOT_NOW = "❌ The database can't be used just now, so not all of that was done. Try it again later."


class BrowserMemory:
    """Carries out the command ``memory`` for the person in a browser call.

    Args:
        prefix: the characters that a command begins with.
        gathers: whether facts are gathered from what people say. If not, nobody needs to be asked.
    """

    def __init__(self, memory: Memory, prefix: str, gathers: Callable[[], bool] = lambda: True) -> None:
        self._memory = memory
        self._prefix = prefix
        self._gathers = gathers
        self._asked: set[int] = set()

    def question(self, person: int) -> str | None:
        """The question whether a person may be remembered; ``None`` if they have answered or were asked already."""
        if person in self._asked or not self._memory.consent.waits(person) or not self._gathers():
            return None
        self._asked.add(person)
        return ASKED.format(prefix=self._prefix)

    async def carry_out(self, person: int, place: int, words: str) -> str:
        """Carry out the words after ``memory``. Returns the answer for the person.

        Args:
            person: the person's id.
            place: the id that stands for the browser as a place.

        Raises:
            UserError: the words can't be carried out.
        """
        first, _, rest = words.strip().partition(" ")
        parts: dict[str, Callable[[MemoryAsker, str], Awaitable[str]]] = {
            "": self._show,
            "me": self._show,
            "forget": self._forget,
            "correct": self._correct,
            "on": self._switch_on,
            "off": self._switch_off,
        }
        part = parts.get(first.casefold())
        if part is None:
            wrong = unknown_part(self._prefix, "memory", first)
            raise UserError(wrong + MAY_BE_TYPED.format(prefix=self._prefix, how=HOW.format(prefix=self._prefix)))
        try:
            return await part(MemoryAsker(person, place), rest.strip())
        except aiosqlite.Error as error:
            raise UserError(NOT_NOW) from error

    async def _show(self, asker: MemoryAsker, page: str) -> str:
        if not self._memory.enabled:
            return SWITCHED_OFF
        facts = await self._memory.mine(asker)
        return self._listed(facts, number_in(page) or 1) if facts else NOTHING

    def _listed(self, facts: Sequence[Fact], page: int) -> str:
        shown, page, pages = page_of(facts, page, MAX_LISTED)
        lines = [f"{fact.id}: {shorten(' '.join(fact.text.split()), MAX_TEXT)}" for fact in shown]
        other = page % pages + 1
        more = [MORE.format(page=page, pages=pages, prefix=self._prefix, other=other)] if pages > 1 else []
        return "\n".join([LISTED.format(count=len(facts)), *lines, *more, HOW.format(prefix=self._prefix)])

    async def _forget(self, asker: MemoryAsker, what: str) -> str:
        number = number_in(what)
        if what.casefold() in ALL_WORDS:
            count = await self._memory.forget_all(asker.person)
        elif number is not None:
            count = await self._memory.forget(number, asker.person)
        else:
            count = await self._memory.forget_words(what, asker)
        return FORGOTTEN.format(count=count) if count else NOT_YOURS.format(prefix=self._prefix)

    async def _correct(self, asker: MemoryAsker, what: str) -> str:
        written, _, text = what.partition(" ")
        number = number_in(written)
        try:
            corrected = None if number is None else await self._memory.correct(number, asker.person, text)
        except MemoryEmptyError:
            corrected = None
        return CORRECTED if corrected is not None else NOT_YOURS.format(prefix=self._prefix)

    async def _switch_on(self, asker: MemoryAsker, _: str) -> str:
        if not self._memory.enabled:
            return SWITCHED_OFF
        await self._memory.set_choice(asker.person, keep=True)
        return ON

    async def _switch_off(self, asker: MemoryAsker, _: str) -> str:
        await self._memory.set_choice(asker.person, keep=False)
        return OFF
