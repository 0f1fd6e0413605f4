"""Kokoro as a ``SpeechEngine``: one network, and a speaker of the text's language."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence

import numpy as np
import onnxruntime
from kokoro_onnx.chunker import pause_after, split_phonemes
from kokoro_onnx.trim import trim
from numpy.typing import NDArray

from audio.samples import Samples
from languages.tags import primary_language
from tts_server.engines.base import AlwaysLoaded, Voice
from tts_server.engines.kokoro.model_files import UNREADABLE, ModelFiles, SpeakerFile
from tts_server.engines.kokoro.network import RATE, Network
from tts_server.engines.kokoro.phonemes import PhonemeReader, is_spoken, tokens_of
from tts_server.engines.memory_use import release_memory
from tts_server.engines.model_thread import ModelThread, PutSamples
from tts_server.engines.onnx_speech import stream_speech
from tts_server.engines.voice_lookup import resolve_voice
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters

PREFIX = "kokoro:"
"""Prefix of the ids of Kokoro's speakers."""
USUAL_SPEAKER = "af_heart"
"""The default speaker, if it is on this machine."""
SENTENCE_PAUSE, CLAUSE_PAUSE = 0.25, 0.1
"""Silence after a sentence and after a clause, in seconds. The network's own silence around a clause is cut off."""
THREADS = 2


class KokoroEngine(AlwaysLoaded):
    """A ``SpeechEngine`` with Kokoro's speakers.

    The network is in memory from the start; it needs no GPU. A speaker's style vectors are read when the speaker first
    speaks. Kokoro itself changes the speed; the server changes the pitch.

    Args:
        files: the network and the speakers.
        default_voice: id or name of the speaker for requests that name none.
        threads: the number of threads that compute one clause.

    Raises:
        EngineError: the network can't be loaded; the message says why.
        UnknownVoiceError: no speaker has the id or name ``default_voice``.
    """

    name = "kokoro"
    concurrency = 1
    shifts_pitch = False
    sample_rate = RATE

    def __init__(self, files: ModelFiles, default_voice: str | None = None, threads: int = THREADS) -> None:
        self._speakers = {f"{PREFIX}{speaker.name}": speaker for speaker in files.speakers}
        self._voices = [Voice(key, speaker.name, speaker.language) for key, speaker in self._speakers.items()]
        english = [voice for voice in self._voices if voice.language.startswith("en")]
        usual = [voice for voice in self._voices if voice.name == USUAL_SPEAKER]
        self._default = (usual or english or self._voices)[0]
        if default_voice is not None:
            self._default = self.resolve(default_voice, None)
        self._styles: dict[str, NDArray[np.float32]] = {}
        self._reader = PhonemeReader()
        self._network = Network(files.network, threads)
        release_memory()
        self._thread = ModelThread("kokoro")

    def voices(self) -> Sequence[Voice]:
        """Return every speaker, sorted by name."""
        return self._voices

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the speaker for a request. The first name is enough to name one: ``heart`` for ``af_heart``.

        A speaker speaks one language. For a text in another one, a speaker of that language is returned, if possible
        one of the same gender.

        Raises:
            UnknownVoiceError: there is no such speaker, or none for that language.
        """
        wanted = self._named(voice) if voice is not None else self._default
        if language is None or primary_language(language) == primary_language(wanted.language):
            return wanted if voice is not None else resolve_voice(self._voices, self._default, None, language)
        gender = self._speakers[wanted.id].gender
        alike = [each for each in self._voices if self._speakers[each.id].gender == gender]
        for voices in (alike, self._voices):
            default = self._default if self._default in voices else voices[0]
            try:
                return resolve_voice(voices, default, None, language)
            except UnknownVoiceError:
                continue
        if primary_language(language) in UNREADABLE.values():
            raise UnknownVoiceError(_cannot_read(primary_language(language)))
        raise UnknownVoiceError(f"kokoro has no speaker for the language {language!r}")

    def _named(self, voice: str) -> Voice:
        try:
            return resolve_voice(self._voices, self._default, voice, None)
        except UnknownVoiceError:
            name = voice.strip().casefold().removeprefix(PREFIX)
            found = [each for each in self._voices if self._speakers[each.id].first_name == name]
            if len(found) == 1:
                return found[0]
            if name[:1] in UNREADABLE and name[1:3] in ("f_", "m_"):
                raise UnknownVoiceError(f"there is no voice {voice!r}: {_cannot_read(UNREADABLE[name[0]])}") from None
            raise

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment. Its sound comes as a whole, or in a few parts if it is long."""

        def speak(options: onnxruntime.RunOptions, put: PutSamples) -> None:
            for piece in self._pieces(text, self._speakers[voice.id], parameters.speed or 1.0, options):
                put(piece)

        return stream_speech(self._thread, "kokoro", stop, speak)

    def _pieces(
        self, text: str, speaker: SpeakerFile, speed: float, options: onnxruntime.RunOptions
    ) -> Iterator[Samples]:
        styles = self._styles_of(speaker)
        for phonemes in split_phonemes(self._reader.read(text, speaker.language)):
            # A network makes noise from punctuation alone.
            if not is_spoken(phonemes):
                continue
            tokens = tokens_of(phonemes)
            sound, _ = trim(self._network.speak(tokens, styles[len(tokens) - 1], speed, options))
            yield np.asarray(sound, np.float32)
            if pause := pause_after(phonemes, SENTENCE_PAUSE, CLAUSE_PAUSE):
                yield np.zeros(round(pause * RATE), np.float32)

    def _styles_of(self, speaker: SpeakerFile) -> NDArray[np.float32]:
        if (styles := self._styles.get(speaker.name)) is None:
            styles = self._styles[speaker.name] = speaker.styles()
        return styles

    def wait(self) -> None:
        """Block until the engine's thread has finished all its work, including stopped texts."""
        self._thread.run(lambda: None)

    def close(self) -> None:
        """End the thread."""
        self._thread.close()


def _cannot_read(language: str) -> str:
    name = {"ja": "Japanese", "zh": "Chinese"}[language]
    return (
        f"kokoro does not speak {name} here, because no small library turns {name} writing into Kokoro's phonemes; "
        "other engines speak it"
    )
