"""Transcribes voice messages and sound files with the transcriber of the calls."""

from __future__ import annotations

import mimetypes
from contextlib import aclosing

import aiohttp
import discord
from discord.utils import escape_markdown

from audio.decode import NotSoundError, TooLongSoundError
from audio.samples import Sound16
from bot.consent import ListeningConsent
from bot.discord_files import DownloadError, FileTooLargeError, download
from bot.llm.cleaning import DiscordNames, clean_name, clean_prompt
from bot.metering import DIRECT_MESSAGES, Account
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.text import shorten
from bot.voice.transcribe.transcriber import TranscriptionError

MAX_BYTES = 16 << 20
"""Maximum number of bytes of one recording."""
MAX_SECONDS = 180
"""Longest recording in seconds."""
MAX_QUOTED = 1_500
"""Maximum number of characters of the transcript of a recording that a message replies to."""
MAX_NAME = 60
"""Maximum number of characters of a file's name in an error text."""
MAX_RECORDINGS = 3
"""Maximum number of recordings of one message that are transcribed."""

NOT_ALLOWED = (
    "🙉 I only listen to people who allow it, so I didn't listen to your voice message. Write to me, or type "
    "`{prefix}optin` first."
)
OTHER_NOT_ALLOWED = "🙉 {name} doesn't allow me to listen, so I didn't listen to that voice message."
UNKNOWN_SPEAKER = (
    "🙉 I can't tell who speaks in a forwarded voice message, so I didn't listen to it. Reply to the message itself."
)
TOO_LONG = f"❌ That recording is too long for me: I listen to {MAX_SECONDS // 60} minutes at most."
TOO_LARGE = f"❌ That recording is too large for me: I listen to files of up to {MAX_BYTES >> 20} MB."
NOT_FETCHED = "❌ I could not fetch your recording from Discord. Please send it again."
BROKEN = "❌ I can't play {name}: it is broken, or in a format that I don't know."
NOTHING_SAID = "🙉 I heard no words in that recording. Say it again, or write to me."
QUOTED = '[the voice message that is replied to says: "{text}"]'
NOT_UNDERSTOOD = "🙉 I can't make out recordings at the moment: {cause}"


class SpokenMessageError(Exception):
    """A recording could not be transcribed. The text says why, for the person who sent it.

    ``heard`` is the transcript of the message's other recordings.
    """

    def __init__(self, text: str, heard: str = "") -> None:
        super().__init__(text)
        self.heard = heard


def is_spoken(message: discord.Message) -> bool:
    """Whether a message, or one that it replies to or forwards, has a recording."""
    quoted = _quoted(message)
    forwarded = [each for snapshot in message.message_snapshots for each in recordings_in(snapshot)]
    return bool(recordings_in(message) or forwarded or (quoted is not None and recordings_in(quoted)))


def recordings_in(content: discord.Message | discord.MessageSnapshot) -> list[discord.Attachment]:
    """The voice messages and sound files of a message, at most :data:`MAX_RECORDINGS`."""
    return [
        each
        for each in content.attachments
        if content.flags.voice or each.is_voice_message() or _kind(each).startswith("audio/")
    ][:MAX_RECORDINGS]


class SpokenMessages:
    """Transcribes recordings. Not thread-safe.

    Args:
        file_transcriber: transcribes sound files.
        consent: the record of the people who may be listened to.
        http: session for downloads. It must not send credentials of its own.
        prefix: the prefix of commands.
    """

    def __init__(
        self, file_transcriber: FileTranscriber, consent: ListeningConsent, http: aiohttp.ClientSession, prefix: str
    ) -> None:
        self._file_transcriber = file_transcriber
        self._consent = consent
        self._http = http
        self._prefix = prefix

    def refusal(self, message: discord.Message) -> str | None:
        """The text for an author whose recording may not be transcribed; ``None`` if there is no such recording."""
        if not recordings_in(message) or self._consent.admits(message.author.id):
            return None
        return NOT_ALLOWED.format(prefix=self._prefix)

    async def hear(self, message: discord.Message) -> str:
        """The transcript of the recordings of a message and of the message that it replies to; "" if there are none.

        Raises:
            SpokenMessageError: a recording could not be transcribed. ``heard`` is the transcript of the others.
        """
        heard: list[str] = []
        refusals = [UNKNOWN_SPEAKER] if any(map(recordings_in, message.message_snapshots)) else []
        for source in filter(None, (message, _quoted(message))):
            for recording in recordings_in(source):
                try:
                    text = await self._words(recording, source.author, asker=message.author)
                except SpokenMessageError as error:
                    refusals.append(str(error))
                else:
                    heard.append(text if source is message else QUOTED.format(text=shorten(text, MAX_QUOTED)))
        if refusals:
            raise SpokenMessageError("\n".join(dict.fromkeys(refusals)), " ".join(heard))
        return " ".join(heard)

    async def _words(self, recording: discord.Attachment, speaker: discord.abc.User, *, asker: discord.abc.User) -> str:
        self._require_consent(speaker, asker)
        sound = await self._sound(recording)
        account = Account(asker.guild.id if isinstance(asker, discord.Member) else DIRECT_MESSAGES, asker.id)
        try:
            async with aclosing(self._file_transcriber.transcribe(sound, account=account)) as pieces:
                texts = [piece.text async for piece in pieces]
        except TranscriptionError as error:
            raise SpokenMessageError(NOT_UNDERSTOOD.format(cause=error)) from error
        # The person may have withdrawn their consent during the transcription.
        self._require_consent(speaker, asker)
        words = clean_prompt(" ".join(texts), DiscordNames())
        if not words:
            raise SpokenMessageError(NOTHING_SAID)
        return words

    def _require_consent(self, speaker: discord.abc.User, asker: discord.abc.User) -> None:
        if not self._consent.admits(speaker.id):
            own = NOT_ALLOWED.format(prefix=self._prefix)
            raise SpokenMessageError(own if speaker == asker else OTHER_NOT_ALLOWED.format(name=_shown(speaker)))

    async def _sound(self, recording: discord.Attachment) -> Sound16:
        if recording.size > MAX_BYTES:
            raise SpokenMessageError(TOO_LARGE)
        if (recording.duration or 0) > MAX_SECONDS:
            raise SpokenMessageError(TOO_LONG)
        try:
            data = await download(self._http, recording.url, MAX_BYTES)
            return await self._file_transcriber.decode(data, MAX_SECONDS)
        except FileTooLargeError as error:
            raise SpokenMessageError(TOO_LARGE) from error
        except DownloadError as error:
            raise SpokenMessageError(NOT_FETCHED) from error
        except TooLongSoundError as error:
            raise SpokenMessageError(TOO_LONG) from error
        except NotSoundError as error:
            name = escape_markdown(shorten(" ".join(recording.filename.split()), MAX_NAME))
            raise SpokenMessageError(BROKEN.format(name=name)) from error


def _kind(file: discord.Attachment) -> str:
    return (file.content_type or mimetypes.guess_type(file.filename)[0] or "").lower()


def _quoted(message: discord.Message) -> discord.Message | None:
    """The message that is replied to, if a person wrote it. Sound files of bots are not transcribed."""
    found = message.reference.resolved if message.reference is not None else None
    return found if isinstance(found, discord.Message) and not found.author.bot else None


def _shown(speaker: discord.abc.User) -> str:
    return escape_markdown(clean_name(speaker.display_name))
