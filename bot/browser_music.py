"""The typed commands for music and sounds in a browser call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from bot.music.typed import TypedMusic, playing_text
from bot.music.typed_sounds import LISTS, TypedSounds
from bot.text import unescape_markdown
from bot.user_error import UserError
from bot.voice.browser.transport import BrowserCall

MAX_AT_ONCE = 8
"""Largest number of commands of one call that may be under way at once, for example while they wait until pieces of
music are opened.
"""
SLOW_DOWN = "❌ One moment: I am still busy with what you typed before."
ONLY_PLAYS = "❌ Here I only play sounds. `{prefix}sound {word}` is for Discord."


class BrowserMusic:
    """Carries out the typed commands for music and sounds. Use it on the event loop.

    Attributes:
        names: the names of the commands.
    """

    def __init__(self, music: TypedMusic, sounds: TypedSounds, prefix: str) -> None:
        self._music = music
        self._sounds = sounds
        self._prefix = prefix
        self._under_way: Counter[str] = Counter()
        self._commands: Mapping[str, Callable[[BrowserCall, str], Awaitable[str]]] = {
            "play": lambda call, words: music.play(call.id, words),
            "pause": self._pause,
            "skip": self._skip,
            "queue": self._queue,
            "nowplaying": self._now_playing,
            "sound": self._sound,
        }
        self.names = tuple(self._commands)

    async def carry_out(self, call: BrowserCall, name: str, words: str) -> str:
        """Carry out a command. Returns the answer for the person; raises :class:`~bot.user_error.UserError`."""
        if self._under_way[call.id] >= MAX_AT_ONCE:
            raise UserError(SLOW_DOWN)
        self._under_way[call.id] += 1
        try:
            return unescape_markdown(await self._commands[name](call, words.strip()))
        except UserError as error:
            raise UserError(unescape_markdown(str(error))) from error
        finally:
            self._under_way[call.id] -= 1
            if not self._under_way[call.id]:
                del self._under_way[call.id]

    async def _pause(self, call: BrowserCall, _: str) -> str:
        return self._music.pause(call.id)

    async def _skip(self, call: BrowserCall, words: str) -> str:
        return self._music.skip(call.id, words)

    async def _queue(self, call: BrowserCall, _: str) -> str:
        return self._music.queue(call.id)

    async def _now_playing(self, call: BrowserCall, _: str) -> str:
        return playing_text(self._music.playing(call.id))

    async def _sound(self, call: BrowserCall, words: str) -> str:
        first = words.partition(" ")[0].casefold()
        if first in ("add", "remove"):
            raise UserError(ONLY_PLAYS.format(prefix=self._prefix, word=first))
        if words.casefold() in LISTS:
            return await self._sounds.names(call.server)
        if words.casefold() == "stop":
            return self._sounds.stop(call)
        return await self._sounds.play(call, words)
