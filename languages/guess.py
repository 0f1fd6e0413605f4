"""Language detection for short texts, with py3langid's model (5 MB on disk, 76 MB in memory, offline)."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from copy import copy
from functools import cache, cached_property

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from languages.scripts import languages_written_like
from languages.tags import primary_language

LIKELY = 0.5
"""A reply that has no language yet gets the most probable one, if it is at least this probable."""
SURE = 0.7
"""A reply changes to another language only if that language is at least this probable."""
TIMES_LIKELIER = 10
"""A reply changes to another language only if that language is also this many times as probable as the current one.

So "Okay." or a name does not change the language.
"""

TIMES_LIKELIER_TO_BEGIN = 5
"""For the first words of a reply, this replaces :data:`TIMES_LIKELIER`, and :data:`LIKELY` replaces :data:`SURE`."""

CERTAIN = 0.6
""":meth:`LanguageGuesser.sure_of` returns a language only if it is at least this probable."""
TIMES_CERTAIN = 4
""":meth:`LanguageGuesser.sure_of` returns a language only if it is also this many times as probable as the next one."""

# Addresses, code, mentions, numbers and identifiers belong to no language.
_NO_WORDS = re.compile(r"`[^`]*`|<[^<>\s]+>|(?<!\S)\S*[0-9@/_]\S*")
_LOADING = threading.Lock()


class LanguageGuesser:
    """Detects which of ``languages`` a text is in. Thread-safe.

    The model is shared and is loaded on first use, which takes half a second.
    """

    def __init__(self, languages: Collection[str]) -> None:
        self._languages = frozenset(map(primary_language, languages))

    def load(self) -> None:
        """Load the model, if it is not loaded yet. Blocks: call it in a thread before the first detection."""
        _ = self._identifier

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        """The model for these languages alone: the other hundred would only cost time, with each text."""
        identifier = copy(_load())
        identifier.set_languages(self._languages.intersection(identifier.nb_classes))
        return identifier

    def guess(self, text: str, before: str | None = None, *, begins: bool = False) -> str | None:
        """The primary language of the text (``de``, ``zh``). If the text does not tell it: ``before``, or ``None``.

        Args:
            before: language of the reply so far. Strong evidence is needed to leave it.
            begins: whether the text begins the reply. If so, ``before`` is only a default, and less evidence is needed.
        """
        own = primary_language(before) if before else None
        text = _NO_WORDS.sub(" ", text)
        candidates = languages_written_like(text, self._languages)
        if len(candidates) < 2:
            return next(iter(candidates), own)
        probable = self._probabilities(text, candidates)
        best = max(probable, key=lambda language: probable[language], default=own)
        if best is None or best == own:
            return own
        if own is None:
            return best if probable[best] >= LIKELY else None
        least, times = (LIKELY, TIMES_LIKELIER_TO_BEGIN) if begins else (SURE, TIMES_LIKELIER)
        leaves = probable[best] >= max(least, times * probable.get(own, 0.0))
        return best if leaves else own

    def sure_of(self, text: str) -> str | None:
        """The primary language that the text alone is certainly in; ``None`` if it is not certain."""
        text = _NO_WORDS.sub(" ", text)
        candidates = languages_written_like(text, self._languages)
        if len(candidates) < 2:
            return next(iter(candidates), None)
        probable = sorted(self._probabilities(text, candidates).items(), key=lambda each: each[1], reverse=True)
        if not probable:
            return None
        (best, likely), (_, next_likely) = probable[0], probable[1] if len(probable) > 1 else ("", 0.0)
        return best if likely >= max(CERTAIN, TIMES_CERTAIN * next_likely) else None

    def _probabilities(self, text: str, candidates: Collection[str]) -> dict[str, float]:
        known = self._identifier.nb_classes
        ranked = self._identifier.rank(text) if known else ()
        among = {language: probability for language, probability in ranked if language in candidates}
        total = sum(among.values())
        return {language: probability / total for language, probability in among.items()} if total else {}


def _load() -> LanguageIdentifier:
    with _LOADING:
        return _identifier()


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
