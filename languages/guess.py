"""Which of some languages a piece of text is in. The model is py3langid's: 5 MB on the disk, 76 MB loaded, offline."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from languages.scripts import languages_written_like
from languages.tags import main_part

LIKELY = 0.5
"""How probable a language must be for a reply that has none yet."""
SURE = 0.7
"""How probable another language must be for a reply to leave its own, and ..."""
TIMES_LIKELIER = 10
"""... how many times as probable as that one: so "Okay.", "Pizza!" and names leave it alone."""

TIMES_LIKELIER_TO_BEGIN = 5
"""The same where no word has been said yet, and :data:`LIKELY` is enough."""

TELLING, TIMES_TELLING = 0.6, 4
"""How probable a language must be, and how many times as probable as the next, for a sentence to tell its own."""

# Addresses, code, mentions, numbers and names of things are in no language.
_NO_WORDS = re.compile(r"`[^`]*`|<[^<>\s]+>|(?<!\S)\S*[0-9@/_]\S*")
_LOADING = threading.Lock()


class LanguageGuesser:
    """Guesses among some languages. Any number of threads may ask at once.

    The first question whose script leaves a choice loads the model, which all guessers share: half a second.
    """

    def __init__(self, languages: Collection[str]) -> None:
        self._languages = frozenset(map(main_part, languages))

    def load(self) -> None:
        """Load the model; nothing happens if it is. Blocks: call it in a thread, before the first guess."""
        _load()

    def guess(self, text: str, before: str | None = None, *, begins: bool = False) -> str | None:
        """The main part of the tag of the language that ``text`` is in; ``None`` if it tells too little.

        ``before`` is the language of the reply so far, which takes strong evidence to leave; where the reply only
        ``begins``, it is that of the usual voice, which takes less.
        """
        own = main_part(before) if before else None
        text = _NO_WORDS.sub(" ", text)
        candidates = languages_written_like(text, self._languages)
        if len(candidates) < 2:
            return next(iter(candidates), own)
        probable = _probabilities(text, candidates)
        best = max(probable, key=lambda language: probable[language], default=own)
        if best is None or best == own:
            return own
        if own is None:
            return best if probable[best] >= LIKELY else None
        least, times = (LIKELY, TIMES_LIKELIER_TO_BEGIN) if begins else (SURE, TIMES_LIKELIER)
        leaves = probable[best] >= max(least, times * probable.get(own, 0.0))
        return best if leaves else own

    def sure_of(self, text: str) -> str | None:
        """The main part of the tag of the language that ``text`` surely is in, whatever was said before it."""
        text = _NO_WORDS.sub(" ", text)
        candidates = languages_written_like(text, self._languages)
        if len(candidates) < 2:
            return next(iter(candidates), None)
        probable = sorted(_probabilities(text, candidates).items(), key=lambda each: each[1], reverse=True)
        if not probable:
            return None
        (best, likely), (_, next_likely) = probable[0], probable[1] if len(probable) > 1 else ("", 0.0)
        return best if likely >= max(TELLING, TIMES_TELLING * next_likely) else None


def _probabilities(text: str, candidates: Collection[str]) -> dict[str, float]:
    among = {language: probability for language, probability in _load().rank(text) if language in candidates}
    total = sum(among.values())
    return {language: probability / total for language, probability in among.items()} if total else {}


def _load() -> LanguageIdentifier:
    with _LOADING:
        return _identifier()


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
