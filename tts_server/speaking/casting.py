"""Which voice of which engine speaks a text: the one asked for, in the language asked for or guessed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tts_server.engines.base import SpeechEngine, UnknownVoiceError, Voice
from tts_server.speaking.engine_line import EngineLine
from tts_server.text.ear import prepare
from tts_server.text.guess import LanguageGuesser
from tts_server.text.languages import language_of
from tts_server.text.lexicon import languages
from tts_server.wire import SpeechParameters

Cast = list[tuple[EngineLine, Voice]]
"""Engines in the order in which they are to try, each with its voice."""


class Casting:
    """Casts replies. ``wanted`` is the engine whose voices people know by name."""

    def __init__(self, wanted: SpeechEngine) -> None:
        self._wanted = wanted
        self._guesser = LanguageGuesser([language for language in languages() if _speaks(wanted, language)])
        self._ready = threading.Event()

    def load(self) -> None:
        """Get ready to guess and to prepare texts; until then a text's script alone is looked at. Blocks."""
        self._guesser.load()
        for language in {"en", self._wanted.resolve(None, None).language}:
            prepare(language)
        self._ready.set()

    def language(self, text: str, parameters: SpeechParameters, before: str | None) -> str | None:
        """The language to speak a text in; ``before`` is that of the reply so far, ``None`` at its start."""
        if parameters.language is not None:
            return parameters.language
        if not self._ready.is_set():
            return language_of(text)
        return self._guesser.guess(text, before or self._wanted.resolve(parameters.voice, None).language)

    def cast(self, lines: Sequence[EngineLine], parameters: SpeechParameters, language: str | None) -> Cast:
        """The engines among ``lines`` that can speak as asked.

        Raises:
            UnknownVoiceError: none can.
        """
        cast: Cast = []
        first_error: UnknownVoiceError | None = None
        for line in lines:
            try:
                cast.append((line, self._voice(line.engine, parameters, language)))
            except UnknownVoiceError as error:
                first_error = first_error or error
        if not cast:
            raise first_error or UnknownVoiceError("there is no voice")
        return cast

    def _voice(self, engine: SpeechEngine, parameters: SpeechParameters, language: str | None) -> Voice:
        voice = parameters.voice
        if voice is not None and engine is not self._wanted and self._is_known(voice):
            # An engine that stands in speaks with a voice of its own.
            voice = None
        try:
            return engine.resolve(voice, language)
        except UnknownVoiceError:
            if parameters.language is not None:
                raise
            # The language was only guessed.
            return engine.resolve(voice, None)

    def _is_known(self, voice: str) -> bool:
        try:
            self._wanted.resolve(voice, None)
        except UnknownVoiceError:
            return False
        return True


def _speaks(engine: SpeechEngine, language: str) -> bool:
    try:
        engine.resolve(None, language)
    except UnknownVoiceError:
        return False
    return True
