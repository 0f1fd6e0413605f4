"""The voices service: lists voices, keeps the choices of each server, and knows who may change a voice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.database import Database
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import UnknownVoiceError, VoiceExistsError, VoicesError
from bot.speech_server.voices import RecordingUpload, ServerVoice, VoiceCatalogue
from bot.voices.records import Maker, VoiceRecords
from config.place import bot_command, how_to_install_xtts
from wire.parameters import SpeechParameters

DEFAULT = "default"
"""The name for the usual voice, which speaks if no voice was chosen. No cloned voice may have this name."""
MAX_NAME = 50
"""Maximum number of characters of a searched name."""
REMEMBERED = 10.0
"""If the list of voices for suggestions is older than this, in seconds, it is fetched again."""
CANNOT_CLONE = (
    "❌ The current engine ({engine}) can't clone voices. The people who run me can change that: set "
    "`TTS_ENGINE=xtts` in `.env`, then {packages}, and type `{download}`."
)
NO_SUCH_VOICE = "❓ There is no voice called {name!r}. {offer}`{prefix}voice list` shows all of them."
CANNOT_SPEAK = "❌ I tried {name}, and it can't speak just now, so I keep my voice. {reason}"
NOT_YOURS = (
    "🔒 You did not make {name}. Only the person who did can change it, or people who may manage the server where it "
    "was made."
)
BUILT_IN = "❌ {name} is one of {engine}'s own voices. Those can't be changed."


@dataclass(frozen=True, slots=True)
class CommandUser:
    """A person who uses a command: user id, server (guild), and whether they may manage the server."""

    id: int
    guild: int
    manages: bool


class Voices:
    """The voices service, one per process. Not thread-safe. Made by :meth:`load`.

    The browser and the telephone count as servers (guilds) too; see :mod:`bot.voices.places`.

    Methods that ask the speech server raise :class:`~bot.speech_server.errors.VoicesError`, with a text for people.
    """

    def __init__(
        self,
        client: SpeechServerClient,
        records: VoiceRecords,
        choices: dict[int, str],
        manners: dict[int, SpeechParameters],
        prefix: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._records = records
        self._choices = choices
        self._manners = manners
        self._prefix = prefix
        self._clock = clock
        self._known: tuple[float, VoiceCatalogue] | None = None

    @classmethod
    async def load(cls, client: SpeechServerClient, database: Database, prefix: str) -> Voices:
        """Read the choices from the database; raises :class:`aiosqlite.Error`."""
        records = VoiceRecords(database)
        return cls(client, records, await records.choices(), await records.manners(), prefix)

    def chosen(self, guild: int) -> str | None:
        """The id of the voice chosen on a server; ``None`` if none was chosen."""
        return self._choices.get(guild)

    def manner(self, guild: int) -> SpeechParameters:
        """The voice and the manner of speaking chosen on a server; what was not chosen has its default."""
        return replace(self._manners.get(guild, SpeechParameters()), voice=self.chosen(guild))

    async def catalogue(self) -> VoiceCatalogue:
        """All voices."""
        catalogue = await self._client.catalogue()
        self._known = (self._clock(), catalogue)
        return catalogue

    async def recent_catalogue(self) -> VoiceCatalogue:
        """All voices, from a list that is at most :data:`REMEMBERED` seconds old."""
        if self._known is not None and self._clock() - self._known[0] < REMEMBERED:
            return self._known[1]
        return await self.catalogue()

    async def find(self, name: str) -> ServerVoice:
        """The voice with this name or id, or another name that the speech server knows, such as a language."""
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
        """Raise if the engine can't clone voices. The error says how to change that."""
        catalogue = await self.catalogue()
        if not catalogue.can_clone:
            raise VoicesError(cannot_clone(catalogue.engine))

    async def check(self, voice: ServerVoice) -> None:
        """Check that a voice can speak: synthesize a sentence, which nobody hears. Raises if it can't speak."""
        try:
            if await self._client.preview_voice(voice):
                return
        except VoicesError as error:
            raise VoicesError(CANNOT_SPEAK.format(name=voice.name, reason=str(error).removeprefix("❌ "))) from error
        raise VoicesError(CANNOT_SPEAK.format(name=voice.name, reason="It gave no sound."))

    async def choose(self, guild: int, voice: ServerVoice | None) -> None:
        """Choose a voice for a server, from the next reply on; ``None`` chooses the usual voice."""
        await self._records.choose(guild, voice.id if voice is not None else None)
        if voice is None:
            self._choices.pop(guild, None)
        else:
            self._choices[guild] = voice.id

    async def choose_manner(self, guild: int, manner: SpeechParameters) -> None:
        """Choose a manner of speaking for a server, from the next reply on. The voice in it is ignored."""
        manner = replace(manner, voice=None)
        await self._records.choose_manner(guild, manner)
        self._manners[guild] = manner

    async def clone(self, person: CommandUser, name: str, language: str, recording: RecordingUpload) -> ServerVoice:
        """Clone a voice. If a voice has this name already and ``person`` may change it, add the recording to it."""
        try:
            voice = await self._client.create_voice(name.strip(), language, recording)
        except VoiceExistsError:
            voice = await self._client.add_recording(await self.find_changeable(person, name), recording)
        else:
            await self._records.store_maker(voice.id, Maker(person.id, person.guild))
        self._known = None
        return voice

    async def create(self, name: str, language: str, recording: RecordingUpload, *, keep: bool = False) -> ServerVoice:
        """Clone a new voice that belongs to nobody on Discord; also raises :class:`VoiceExistsError`.

        With ``keep``, an engine that can't clone keeps the recording for one that can.
        """
        voice = await self._client.create_voice(name, language, recording, keep=keep)
        self._known = None
        return voice

    async def find_changeable(self, person: CommandUser, name: str) -> ServerVoice:
        """The cloned voice with this name. Raises if it is not a cloned voice, or the person may not change it."""
        voice = await self.find(name)
        if not voice.made_here:
            raise VoicesError(BUILT_IN.format(name=voice.name, engine=voice.engine or "the engine"))
        maker = await self._records.maker(voice.id)
        manages = person.manages and (maker is None or maker.guild == person.guild)
        if not manages and (maker is None or maker.person != person.id):
            raise VoicesError(NOT_YOURS.format(name=voice.name))
        return voice

    async def made_by(self, person: int) -> list[str]:
        """The ids of the voices that a person has made; raises :class:`aiosqlite.Error`."""
        return await self._records.made_by(person)

    async def delete_made_by(self, person: int) -> int:
        """Delete all voices that a person has made, and return their number.

        Also raises :class:`aiosqlite.Error`. Voices that were deleted before an error stay deleted.
        """
        made = await self._records.made_by(person)
        known = {voice.id: voice for voice in (await self.catalogue()).voices} if made else {}
        for voice in made:
            if voice in known:
                await self.delete(known[voice])
            else:
                # Somebody has deleted it on the speech server.
                await self._records.delete(voice)
        return len(made)

    async def preview(self, voice: ServerVoice) -> bytes:
        """A short sentence spoken by a voice, as a WAV file."""
        return await self._client.preview_voice(voice)

    async def delete(self, voice: ServerVoice) -> None:
        """Delete a voice. Servers that had chosen it get the usual voice."""
        await self._client.delete_voice(voice)
        await self._records.delete(voice.id)
        self._choices = {guild: chosen for guild, chosen in self._choices.items() if chosen != voice.id}
        self._known = None


def cannot_clone(engine: str) -> str:
    """The text for people about an engine that can't clone voices. It says which engine can."""
    download = bot_command("models download xtts-v2")
    return CANNOT_CLONE.format(engine=engine, packages=how_to_install_xtts(), download=download)


def _offer_words(offer: str) -> str:
    """The speech server's offer as a question or sentence, with a space behind it; "" for no offer.

    "near it: de." becomes "Did you mean de? ".
    """
    label, _, names = offer.rstrip(".").partition(": ")
    if label == "near it":
        return f"Did you mean {names}? "
    return f"{offer[:1].upper()}{offer[1:]} " if offer else ""
