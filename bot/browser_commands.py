"""The commands that can be typed in a browser call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiosqlite

from bot.browser_characters import BrowserCharacters
from bot.browser_help import HELP, BrowserHelp
from bot.browser_memory import BrowserMemory
from bot.browser_music import BrowserMusic
from bot.browser_usage import BrowserUsage
from bot.consent import ListeningConsent
from bot.controls.volumes import MAX_VOLUME, SHOWN, VOICE, Volumes
from bot.music.typed import music_hint, named_otherwise
from bot.user_error import UserError
from bot.voice.browser.transport import BrowserCall

NOT_SAVED = " I couldn't save that, though: please tell me again after a restart."
NO_PERCENT = "❌ That must be a whole number from 0 to {most}, for example `{prefix}volume 80`."


class BrowserCommands:
    """Carries out typed commands in a browser call.

    Args:
        consent: everybody's consent to being listened to.
        characters: persona and mood of browser calls.
        volumes: how loud the bot speaks in each place.
        prefix: the characters that a command begins with.
        memory: carries out the command ``memory``; ``None`` if there is no memory.
        music: carries out the commands for music and sounds; ``None`` if there are none.
        usage: carries out the command ``usage``; ``None`` if nothing is counted.
    """

    def __init__(
        self,
        consent: ListeningConsent,
        characters: BrowserCharacters,
        volumes: Volumes,
        prefix: str,
        memory: BrowserMemory | None = None,
        music: BrowserMusic | None = None,
        usage: BrowserUsage | None = None,
    ) -> None:
        self._memory = memory
        self._usage = usage
        self._music = music
        self._volumes = volumes
        self._consent = consent
        self._prefix = prefix
        # As on Discord, words that a command does not need don't matter: "stop now" is "stop".
        self._commands: dict[str, Callable[[BrowserCall, str], Awaitable[str]]] = {
            "optout": self._opt_out,
            "optin": self._opt_in,
            "listen": self._listen,
            "stop": self._stop,
            "persona": lambda _, name: characters.persona(name),
            "mood": lambda _, name: characters.mood(name),
            "volume": self._volume,
        }
        music_names = music.names if music is not None else ()
        others = [name for name, part in (("memory", memory), ("usage", usage)) if part is not None]
        self._help = BrowserHelp((*self._commands, *music_names, *others, "leave"), prefix)

    def is_command(self, text: str) -> bool:
        """Whether a text is a command or looks like one: it begins with the prefix, followed by a letter.

        As on Discord, blanks between them don't matter.
        """
        return text.startswith(self._prefix) and self._words(text)[:1].isalpha()

    def may_take_long(self, text: str) -> bool:
        """Whether a text is a command for music or sounds. It may take seconds, for example to open a piece."""
        name = self._words(text).lower().partition(" ")[0]
        return self.is_command(text) and self._music is not None and name in self._music.names

    async def answer(self, text: str, call: BrowserCall, hang_up: Callable[[], None]) -> str:
        """Carry out a command. Returns the answer for the person, also if it can't be carried out."""
        try:
            return await self._carry_out(self._words(text), call, hang_up)
        except UserError as error:
            return str(error)

    def _words(self, text: str) -> str:
        return " ".join(text.removeprefix(self._prefix).split())

    async def _carry_out(self, written: str, call: BrowserCall, hang_up: Callable[[], None]) -> str:
        first, _, value = written.lower().partition(" ")
        if first == "leave":
            hang_up()
            return "👋 I hang up."
        if first == HELP:
            return self._help.about(value.removeprefix(self._prefix).strip())
        if first == "memory" and self._memory is not None:
            # Here, capitals matter: the words may be a correction.
            return await self._memory.carry_out(call.transport.people.person, call.server, written[len(first) :])
        if first == "usage" and self._usage is not None:
            people = call.transport.people
            return await self._usage.show(people.person, people.name(people.person), written[len(first) :])
        if self._music is not None and first in self._music.names:
            # Here, capitals matter, too: the words may be the address of a piece.
            return await self._music.carry_out(call, first, written[len(first) :])
        if (command := self._commands.get(first)) is not None:
            return await command(call, value)
        if self._music is not None and (answer := named_otherwise(first, self._prefix)) is not None:
            return answer
        return self._help.about(first)

    async def _opt_out(self, call: BrowserCall, _: str) -> str:
        saved = await self._consent.opt_out(call.transport.people.person)
        return (
            "🙉 I don't listen to you any more, and I have deleted what I still had of your voice and remembered "
            f"of you. `{self._prefix}optin` undoes it.{'' if saved else NOT_SAVED}"
        )

    async def _opt_in(self, call: BrowserCall, _: str) -> str:
        saved = await self._consent.opt_in(call.transport.people.person)
        return f"👂 I listen to you in my calls. `{self._prefix}optout` ends it.{'' if saved else NOT_SAVED}"

    async def _listen(self, call: BrowserCall, words: str) -> str:
        state = words.partition(" ")[0]
        if state not in ("on", "off"):
            return self._help.after_wrong_word("listen", state) if state else self._help.about("listen")
        call.listening = state == "on"
        if call.listening:
            return f"👂 I listen in this call. If you don't want that: `{self._prefix}optout`."
        return f"🙉 I don't listen in this call; you can still type. `{self._prefix}listen on` makes me listen again."

    async def _stop(self, call: BrowserCall, _: str) -> str:
        said = "⏹️ I'm silent." if call.conversation.stop() else "I'm not saying anything."
        return said + music_hint(call, self._prefix)

    async def _volume(self, call: BrowserCall, words: str) -> str:
        percent, _, last = words.rpartition(" ")
        of = last if last in SHOWN else VOICE
        if last not in SHOWN:
            percent = words
        if percent:
            number = percent.removesuffix("%").strip()
            if not number.isdecimal() or len(number) > 3 or int(number) > 100 * MAX_VOLUME:
                raise UserError(NO_PERCENT.format(most=round(100 * MAX_VOLUME), prefix=self._prefix))
            try:
                await self._volumes.choose_of(call.server, of, int(number) / 100, only=call.id)
            except aiosqlite.Error:
                return f"{SHOWN[of].format(percent=int(number))}.{NOT_SAVED}"
        return await self._volumes.shown(call.server, of)
