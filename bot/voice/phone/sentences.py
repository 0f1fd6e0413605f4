"""Sentences that are spoken on a phone line outside of a call: for the PIN, for a second caller, and at the end."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import numpy as np

from audio.g711 import Law, encode_g711
from audio.narrow_band import ToTelephone
from audio.pcm import to_int16
from audio.samples import FRAME_SECONDS, SPEAKING_FRAME, SPEAKING_RATE, Samples
from bot.llm.spoken_lines import PhoneSentence
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.phone.kept_sentences import KeptSentences
from bot.voice.phone.line import PhoneLine
from bot.voice.phone.transport import PhoneTransport

_log = logging.getLogger(__name__)

LEAD_IN = 0.4
"""Seconds of silence before a sentence, and from the beginning of a phone call to its greeting. Most telephones switch
their earpiece on only when the first sound arrives, so that a first syllable in the very first packet would be lost."""
MAKING_LIMIT = 5.0
"""Seconds in which the voice must make a sentence. After that, :func:`tones` are played in place of the sentence."""
LAST_WORDS_LIMIT = 2.0
"""Longest sentence, in seconds, that the bot still says before it hangs up."""
MAX_KEPT = 50
"""Largest number of sentences of which the sound is kept."""


Speak = Callable[[str], AsyncGenerator[Samples, None]]
"""Speaks a text: yields sound, mono at 48,000 Hz. It raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""


def tones() -> Samples:
    """Three tones of half a second, as most telephone networks play them when somebody is busy: 425 Hz."""
    at = np.arange(SPEAKING_RATE // 2) / SPEAKING_RATE
    fade = np.minimum(1, np.minimum(at, 0.5 - at) / 0.01)  # for 10 ms at both ends, against clicks
    tone = 0.2 * np.sin(2 * np.pi * 425 * at) * fade
    return np.asarray(np.tile(np.concatenate([tone, np.zeros(SPEAKING_RATE // 2)]), 3), np.float32)


class Sentences:
    """Makes the sound of sentences and keeps it, so that it is there when it is needed. Use it on the event loop.

    Args:
        speak: speaks a text with the voice of phone calls.
        text: returns the text of a sentence, in the language of phone calls.
        manner: returns what the sound of a text depends on, besides the text.
        files: keeps, over restarts, the sounds that were paid for; ``None`` if nothing is kept.
        costs_money: returns whether the voice that speaks now costs money.
    """

    def __init__(
        self,
        speak: Speak,
        text: Callable[[PhoneSentence], str],
        manner: Callable[[], Hashable],
        files: KeptSentences | None = None,
        costs_money: Callable[[], bool] = lambda: False,
    ) -> None:
        self._speak = speak
        self._text = text
        self._manner = manner
        self._files = files
        self._costs_money = costs_money
        self._kept: dict[tuple[str, Hashable], Samples] = {}
        self._unwritten: dict[tuple[str, Hashable], Samples] = {}
        """Sounds that were paid for, and have no file yet."""

    def ready(self, sentence: PhoneSentence) -> Samples | None:
        """The sound of a sentence, mono at 48,000 Hz; ``None`` if it was not made yet."""
        return self._kept.get((self._text(sentence), self._manner()))

    async def prepare(self) -> None:
        """Make the sound of each sentence that has none yet. Ends at the first sentence that the voice can't speak.

        Never raises. Only this method reads and writes files: a caller never waits for that.
        """
        for sentence in PhoneSentence:
            await self._read(sentence)
            made = await self.sound(sentence)
            await self._write()
            if made is None:
                return

    async def _read(self, sentence: PhoneSentence) -> None:
        key = self._text(sentence), self._manner()
        if self._files is None or key in self._kept:
            return
        read = await asyncio.to_thread(self._files.read, key[0], repr(key[1]))
        if read is not None:
            self._keep(key, read)

    async def _write(self) -> None:
        while self._files is not None and self._unwritten:
            (text, manner), sound = self._unwritten.popitem()
            await asyncio.to_thread(self._files.write, text, repr(manner), sound)

    async def sound(self, sentence: PhoneSentence) -> Samples | None:
        """The sound of a sentence, mono at 48,000 Hz; ``None`` if the voice can't speak it within the limit."""
        if (kept := self.ready(sentence)) is not None:
            return kept
        text = self._text(sentence)
        key = text, self._manner()
        pieces: list[Samples] = []
        paid = self._costs_money()
        try:
            async with asyncio.timeout(MAKING_LIMIT), aclosing(self._speak(text)) as speaking:
                pieces.extend([piece async for piece in speaking])
        except (SpeechUnavailable, TimeoutError, OSError) as error:
            _log.warning("A sentence for the telephone can't be spoken: %s", str(error) or "it takes too long")
            return None
        sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        # If today's limit was reached meanwhile, a voice that costs nothing may have spoken.
        if self._files is not None and paid and self._costs_money() and pieces:
            self._unwritten[key] = sound
        return self._keep(key, sound)

    def _keep(self, key: tuple[str, Hashable], sound: Samples) -> Samples:
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return self._kept.setdefault(key, sound)

    async def say(self, line: PhoneLine, sentence: PhoneSentence) -> None:
        """Speak a sentence on a line, after :data:`LEAD_IN`; three tones if the voice can't. Cancelling stops it."""
        sound = await self.sound(sentence)
        lead_in = np.zeros(round(LEAD_IN * SPEAKING_RATE), np.float32)
        await play(line, np.concatenate([lead_in, tones() if sound is None else sound]))

    async def tell(self, transport: PhoneTransport, sentence: PhoneSentence) -> None:
        """Say a sentence to a caller, unless they hang up before it is over."""
        await transport.unless_ended(self.say(transport.line, sentence))

    async def say_last(self, line: PhoneLine, *sentences: PhoneSentence) -> None:
        """Speak the first of these sentences whose sound is there and not longer than :data:`LAST_WORDS_LIMIT`."""
        for sentence in sentences:
            sound = self.ready(sentence)
            if sound is not None and len(sound) <= LAST_WORDS_LIMIT * SPEAKING_RATE:
                await play(line, sound)
                return


async def play(line: PhoneLine, sound: Samples) -> None:
    """Play a sound (mono, 48,000 Hz) on a line. Returns at its end. Cancelling stops it within a frame.

    The sound is sent on a thread of its own: a sentence lasts seconds, and asyncio's own threads are few and needed
    for files.
    """
    stop = threading.Event()
    own = ThreadPoolExecutor(1, thread_name_prefix="sentence for the telephone")
    playing = asyncio.get_running_loop().run_in_executor(own, _send, line, sound, stop)
    try:
        await asyncio.shield(playing)
    finally:
        stop.set()
        await asyncio.wait([playing])
        own.shutdown(wait=False)


def frames(sound: Samples, law: Law) -> Iterator[bytes]:
    """A sound (mono, 48,000 Hz) as frames of G.711. The last one is filled up with silence."""
    converter = ToTelephone()
    padded = np.pad(sound, (0, -len(sound) % SPEAKING_FRAME))
    for start in range(0, len(padded), SPEAKING_FRAME):
        yield encode_g711(to_int16(converter.convert(padded[start : start + SPEAKING_FRAME])), law)


def _send(line: PhoneLine, sound: Samples, stop: threading.Event) -> None:
    due = time.monotonic()
    for frame in frames(sound, line.law):
        if stop.wait(max(0.0, due - time.monotonic())):
            return
        line.send(frame)
        due = max(due + FRAME_SECONDS, time.monotonic() - FRAME_SECONDS)
