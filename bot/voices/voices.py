"""The voices service: which there are, which one each server speaks with, whose they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.database import Database
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import UnknownVoiceError, VoiceExistsError, VoicesError
from bot.speech_server.voices import RecordingUpload, ServerVoice, VoiceCatalogue
from bot.voices.records import Maker, VoiceRecords

MAX_NAME = 50
"""Characters of a voice's name that are looked for, and shown again."""
REMEMBERED = 10.0
"""Seconds for which the names that are suggested while somebody types may be old."""
CANNOT_CLONE = (
    "❌ The current engine ({engine}) can't clone voices. The people who run me can change that: `TTS_ENGINE=xtts` in "
    "`.env`, then `make xtts` and `.venv/bin/python -m bot models download`."
)
NO_SUCH_VOICE = "❓ There is no voice called {name!r}. {offer}`{prefix}voice list` shows all of them."
CANNOT_SPEAK = "❌ I tried {name}, and it can't speak just now, so I keep my voice. {reason}"
NOT_YOURS = (
    "🔒 {name} was made by somebody else. Only that person can change it, or people who may manage the server where "
    "it was made."
)
BUILT_IN = "❌ {name} is one of {engine}'s own voices. Those can't be changed."


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, by user id, on which server (guild), and whether they may manage it."""

    id: int
    guild: int
    manages: bool


class Voices:
    """One for the process; belongs to the event loop. Made by :meth:`load`.

    Methods that ask the speech server raise :class:`~bot.speech_server.errors.VoicesError` with words for people.
    """

    def __init__(
        self,
        client: SpeechServerClient,
        records: VoiceRecords,
        choices: dict[int, str],
        prefix: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._records = records
        self._choices = choices
        self._prefix = prefix
        self._clock = clock
        self._known: tuple[float, VoiceCatalogue] | None = None

    @classmethod
    async def load(cls, client: SpeechServerClient, database: Database, prefix: str) -> Voices:
        """Read what was chosen; raises :class:`aiosqlite.Error`."""
        records = VoiceRecords(database)
        return cls(client, records, await records.choices(), prefix)

    def chosen(self, guild: int) -> str | None:
        """The id of the voice to speak with on a server; ``None``: no voice was chosen there."""
        return self._choices.get(guild)

    async def catalogue(self) -> VoiceCatalogue:
        """Every voice there is now."""
        catalogue = await self._client.catalogue()
        self._known = (self._clock(), catalogue)
        return catalogue

    async def lately(self) -> VoiceCatalogue:
        """The same, at most :data:`REMEMBERED` seconds old."""
        if self._known is not None and self._clock() - self._known[0] < REMEMBERED:
            return self._known[1]
        return await self.catalogue()

    async def find(self, name: str) -> ServerVoice:
        """The voice of this name or id, or what else the speech server understands, such as a language."""
        wanted = name.strip().casefold()
        voices = (await self.catalogue()).voices
        for voice in voices:
            if wanted in (voice.id.casefold(), voice.name.casefold()):
                return voice
        offer = ""
        if 0 < len(wanted) <= MAX_NAME and "/" not in wanted and wanted not in (".", ".."):
            try:
                return await self._client.find_voice(name.strip())
            except UnknownVoiceError as error:
                offer = _offer_words(error.offer)
        raise VoicesError(NO_SUCH_VOICE.format(name=name.strip()[:MAX_NAME], offer=offer, prefix=self._prefix))

    async def require_cloning(self) -> None:
        """Raise where no voice can be made, and say what to do about it."""
        catalogue = await self.catalogue()
        if not catalogue.can_clone:
            raise VoicesError(CANNOT_CLONE.format(engine=catalogue.engine))

    async def check(self, voice: ServerVoice) -> None:
        """Have the voice say a sentence to nobody; raises where it can't."""
        try:
            if await self._client.preview_voice(voice):
                return
        except VoicesError as error:
            raise VoicesError(CANNOT_SPEAK.format(name=voice.name, reason=str(error).removeprefix("❌ "))) from error
        raise VoicesError(CANNOT_SPEAK.format(name=voice.name, reason="It gave no sound."))

    async def choose(self, guild: int, voice: ServerVoice | None) -> None:
        """Speak with this voice on a server, from the next reply on; ``None``: with the usual one."""
        await self._records.choose(guild, voice.id if voice is not None else None)
        if voice is None:
            self._choices.pop(guild, None)
        else:
            self._choices[guild] = voice.id

    async def make(self, person: Person, name: str, language: str, recording: RecordingUpload) -> ServerVoice:
        """Learn a voice; one of that name, where ``person`` may change it, is given one recording more."""
        try:
            voice = await self._client.create_voice(name.strip(), language, recording)
        except VoiceExistsError:
            voice = await self._client.add_recording(await self.find_changeable(person, name), recording)
        else:
            await self._records.made(voice.id, Maker(person.id, person.guild))
        self._known = None
        return voice

    async def find_changeable(self, person: Person, name: str) -> ServerVoice:
        """The voice of this name, if people made it and this person may change it."""
        voice = await self.find(name)
        if not voice.made_here:
            raise VoicesError(BUILT_IN.format(name=voice.name, engine=voice.engine or "the engine"))
        maker = await self._records.maker(voice.id)
        manages = person.manages and (maker is None or maker.guild == person.guild)
        if not manages and (maker is None or maker.person != person.id):
            raise VoicesError(NOT_YOURS.format(name=voice.name))
        return voice

    async def preview(self, voice: ServerVoice) -> bytes:
        """A short sentence in that voice, as a WAV file."""
        return await self._client.preview_voice(voice)

    async def delete(self, voice: ServerVoice) -> None:
        """Delete a voice; where it was chosen, the usual one speaks again."""
        await self._client.delete_voice(voice)
        await self._records.deleted(voice.id)
        self._choices = {guild: chosen for guild, chosen in self._choices.items() if chosen != voice.id}
        self._known = None


def _offer_words(offer: str) -> str:
    """The server's "near it: de." as a question, and anything else as a sentence; "" where it offers nothing."""
    label, _, names = offer.rstrip(".").partition(": ")
    if label == "near it":
        return f"Did you mean {names}? "
    return f"{offer[:1].upper()}{offer[1:]} " if offer else ""
