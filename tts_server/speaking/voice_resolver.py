"""Chooses engine and voice for a text: the requested voice, in the requested or detected language."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import suppress

from languages.guess import LanguageGuesser
from languages.scripts import language_of
from languages.tags import primary_language
from tts_server.engines.base import SpeechEngine, Voice
from tts_server.speaking.engine_worker import EngineWorker
from tts_server.text.lexicon import covered_languages
from tts_server.text.normalize import prepare
from tts_server.voices.profile import UnknownVoiceError
from wire.parameters import SpeechParameters

Candidates = list[tuple[EngineWorker, Voice]]
"""Engines to try, in order, each with its voice."""


MIN_FOREIGN_WORDS = 3
"""A reply changes to another engine only for a text of at least this many words in another language. So it keeps its
engine for "Gesundheit!" and "Bon appétit!".
"""
MIN_FIRST_WORDS = 2
"""This replaces :data:`MIN_FOREIGN_WORDS` at the start of a reply whose language is unknown: it has no engine yet."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class VoiceResolver:
    """Resolves voices for replies. ``engines`` begins with the preferred engine, whose voice names users know."""

    def __init__(self, engines: Sequence[SpeechEngine]) -> None:
        self._engines = engines
        self._preferred = engines[0]
        spoken = [language for language in covered_languages() if any(_speaks(engine, language) for engine in engines)]
        self._guesser = LanguageGuesser(spoken)
        self._ready = threading.Event()

    def load(self) -> None:
        """Load language detection and text preparation. Blocks: call it in a thread.

        Until this has ended, a text's language is detected by its script alone.
        """
        self._guesser.load()
        for language in {"en", self._preferred.resolve(None, None).language}:
            prepare(language)
        self._ready.set()

    def language(self, text: str, parameters: SpeechParameters, before: str | None) -> str | None:
        """The language in which to speak ``text``, as a BCP 47 tag; ``None`` if it is unknown.

        Args:
            before: language of the reply so far; ``None`` at its start.
        """
        if parameters.language is not None:
            return parameters.language
        known = before or self._expected_language(parameters)
        if not self._ready.is_set():
            return language_of(text) or known
        base = known or self._requested_voice(parameters).language
        begins = known is None and parameters.voice is None and _is_long_enough(text, MIN_FIRST_WORDS)
        guess = self._guesser.guess(text, base, begins=begins)
        if (
            guess is None
            or not base
            or guess == base
            or self._engine_for(guess) is self._engine_for(base)
            or _is_long_enough(text, MIN_FOREIGN_WORDS if known else MIN_FIRST_WORDS)
        ):
            return guess
        return primary_language(base)

    def _expected_language(self, parameters: SpeechParameters) -> str | None:
        """The conversation's language, if an engine has a voice for it."""
        expected = primary_language(parameters.conversation_language) if parameters.conversation_language else None
        return expected if expected is not None and self._engine_for(expected) is not None else None

    def _requested_voice(self, parameters: SpeechParameters) -> Voice:
        """The requested voice of the first engine that has it; otherwise the preferred engine's default voice."""
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
        """The ``workers`` that can speak as requested, each with its voice, in order.

        If the language was only detected, engines that have the voice but not the language follow at the end.

        Raises:
            UnknownVoiceError: no engine can speak as requested.
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
        # If the preferred engine has the requested voice, a fallback speaks with its own default voice.
        known = voice is not None and engine is not self._preferred and self._is_known(voice)
        return None if known else voice

    def _is_known(self, voice: str) -> bool:
        try:
            self._preferred.resolve(voice, None)
        except UnknownVoiceError:
            return False
        return True


def _is_long_enough(text: str, words: int) -> bool:
    """Whether a text justifies another engine: it has enough words, or its script is not Latin."""
    return language_of(text) is not None or len(_WORD.findall(text)) >= words


def _speaks(engine: SpeechEngine, language: str) -> bool:
    try:
        engine.resolve(None, language)
    except UnknownVoiceError:
        return False
    return True
