"""Which voice of which engine speaks a text: the one asked for, in the language asked for or guessed."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import suppress

from languages.guess import LanguageGuesser
from languages.scripts import language_of
from languages.tags import main_part
from tts_server.engines.base import SpeechEngine, Voice
from tts_server.speaking.engine_worker import EngineWorker
from tts_server.text.lexicon import covered_languages
from tts_server.text.normalize import prepare
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters

Candidates = list[tuple[EngineWorker, Voice]]
"""Engines in the order in which they are to try, each with its voice."""


MIN_FOREIGN_WORDS = 3
"""In another language, for another engine to speak it: a reply keeps its voice for "Gesundheit!" and "Bon appétit!"."""
ENOUGH_TO_BEGIN = 2
"""The same, for the first words of a reply where nothing tells of its language: it has no voice that it could leave."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class VoiceResolver:
    """Casts replies. The first of ``engines`` is the one that is wanted, whose voices people know by name."""

    def __init__(self, engines: Sequence[SpeechEngine]) -> None:
        self._engines = engines
        self._wanted = engines[0]
        spoken = [language for language in covered_languages() if any(_speaks(engine, language) for engine in engines)]
        self._guesser = LanguageGuesser(spoken)
        self._ready = threading.Event()

    def load(self) -> None:
        """Get ready to guess and to prepare texts; until then a text's script alone is looked at. Blocks."""
        self._guesser.load()
        for language in {"en", self._preferred.resolve(None, None).language}:
            prepare(language)
        self._ready.set()

    def language(self, text: str, parameters: SpeechParameters, before: str | None) -> str | None:
        """The language to speak a text in; ``before`` is that of the reply so far, ``None`` at its start."""
        if parameters.language is not None:
            return parameters.language
        known = before or self._expected(parameters)
        if not self._ready.is_set():
            return language_of(text) or known
        home = known or self._voice_wanted(parameters).language
        begins = known is None and parameters.voice is None and _is_enough(text, ENOUGH_TO_BEGIN)
        guess = self._guesser.guess(text, home, begins=begins)
        if (
            guess is None
            or not home
            or self._speaker(guess) is self._speaker(home)
            or _is_enough(text, ENOUGH_WORDS if known else ENOUGH_TO_BEGIN)
        ):
            return guess
        return main_part(home)

    def _expected(self, parameters: SpeechParameters) -> str | None:
        """The language of the conversation, where there is a voice for it."""
        expected = main_part(parameters.conversation_language) if parameters.conversation_language else None
        return expected if expected is not None and self._speaker(expected) is not None else None

    def _voice_wanted(self, parameters: SpeechParameters) -> Voice:
        """The voice that is asked for, whichever engine has it."""
        for engine in self._engines:
            with suppress(UnknownVoiceError):
                return engine.resolve(parameters.voice, None)
        return self._preferred.resolve(None, None)

    def _engine_for(self, language: str) -> SpeechEngine | None:
        """The first engine that speaks a language."""
        return next((engine for engine in self._engines if _speaks(engine, language)), None)

    def candidates(
        self, workers: Sequence[EngineWorker], parameters: SpeechParameters, language: str | None
    ) -> Candidates:
        """The engines among ``lines`` that can speak as asked; where the language was only guessed, the others too.

        Raises:
            UnknownVoiceError: none can.
        """
        candidates: Candidates = []
        without_language: Candidates = []
        first_error: UnknownVoiceError | None = None
        for worker in workers:
            voice = self._voice_name_for(worker.engine, parameters)
            try:
                candidates.append((worker, worker.engine.resolve(voice, language)))
            except UnknownVoiceError as error:
                first_error = first_error or error
                if parameters.language is None:
                    with suppress(UnknownVoiceError):
                        without_language.append((worker, worker.engine.resolve(voice, None)))
        if not candidates and not without_language:
            raise first_error or UnknownVoiceError("there is no voice")
        return candidates + without_language

    def _voice_name_for(self, engine: SpeechEngine, parameters: SpeechParameters) -> str | None:
        voice = parameters.voice
        # An engine that stands in speaks with a voice of its own.
        known = voice is not None and engine is not self._preferred and self._is_known(voice)
        return None if known else voice

    def _is_known(self, voice: str) -> bool:
        try:
            self._preferred.resolve(voice, None)
        except UnknownVoiceError:
            return False
        return True


def _is_long_enough(text: str, words: int) -> bool:
    """Whether a text is worth another engine's voice for its language: letters that the first can't read always are."""
    return language_of(text) is not None or len(_WORD.findall(text)) >= words


def _speaks(engine: SpeechEngine, language: str) -> bool:
    try:
        engine.resolve(None, language)
    except UnknownVoiceError:
        return False
    return True
