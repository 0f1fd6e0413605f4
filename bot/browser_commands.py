"""The commands that can be typed in a browser call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.browser_characters import BrowserCharacters
from bot.consent import ListeningConsent
from bot.voice.browser.transport import BrowserCall

NOT_SAVED = " I couldn't save that, though: please tell me again after a restart."


class BrowserCommands:
    """Carries out typed commands in a browser call.

    Args:
        consent: everybody's consent to being listened to.
        characters: persona and mood of browser calls.
        prefix: the characters that a command begins with.
    """

    def __init__(self, consent: ListeningConsent, characters: BrowserCharacters, prefix: str) -> None:
        self._consent = consent
        self._prefix = prefix
        self._commands: dict[str, Callable[[BrowserCall], Awaitable[str]]] = {
            "optout": self._opt_out,
            "optin": self._opt_in,
            "listen off": self._listen_off,
            "listen on": self._listen_on,
            "stop": self._stop,
        }
        self._with_names: dict[str, Callable[[str], Awaitable[str]]] = {
            "persona": characters.persona,
            "mood": characters.mood,
        }

    def is_command(self, text: str) -> bool:
        """Whether a text is a command or looks like one: it begins with the prefix, followed by a letter."""
        return text.startswith(self._prefix) and text[len(self._prefix) :][:1].isalpha()

    async def carry_out(self, text: str, call: BrowserCall, hang_up: Callable[[], None]) -> str:
        """Carry out a command. Returns the answer for the person.

        Raises:
            UserError: it can't be carried out.
        """
        words = " ".join(text.removeprefix(self._prefix).lower().split())
        if words == "leave":
            hang_up()
            return "👋 I hang up."
        first, _, name = words.partition(" ")
        if (choose := self._with_names.get(first)) is not None:
            return await choose(name)
        command = self._commands.get(words)
        if command is None:
            known = ", ".join(f"`{self._prefix}{name}`" for name in (*self._commands, *self._with_names, "leave"))
            return f"❓ Here I know only {known}. All other commands are for Discord."
        return await command(call)

    async def _opt_out(self, call: BrowserCall) -> str:
        saved = await self._consent.opt_out(call.transport.people.person)
        return (
            "🙉 I don't listen to you any more, and I have deleted what I still had of your voice. "
            f"`{self._prefix}optin` undoes it.{'' if saved else NOT_SAVED}"
        )

    async def _opt_in(self, call: BrowserCall) -> str:
        saved = await self._consent.opt_in(call.transport.people.person)
        return f"👂 I listen to you in my calls. `{self._prefix}optout` ends it.{'' if saved else NOT_SAVED}"

    async def _listen_off(self, call: BrowserCall) -> str:
        call.listening = False
        return f"🙉 I don't listen in this call; you can still type. `{self._prefix}listen on` makes me listen again."

    async def _listen_on(self, call: BrowserCall) -> str:
        call.listening = True
        return f"👂 I listen in this call. If you don't want that: `{self._prefix}optout`."

    async def _stop(self, call: BrowserCall) -> str:
        return "⏹️ I'm silent." if call.conversation.stop() else "I'm not saying anything."
