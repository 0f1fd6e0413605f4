"""Recognises a person's yes or no in many languages. In doubt, an answer counts as neither."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter

from bot.text import FIRST_UNSPACED, has_phrase, plain, plain_words
from bot.tools.negation import not_denied
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

YES_NO_FILE = Path(__file__).parents[2] / "config" / "language" / "yes_no.yaml"
MAX_WORDS = 8
"""Maximum number of words of a yes or a no. A longer answer says more than that, so it counts as neither."""
MAX_OTHERS = 2
"""Maximum number of words beside those for yes, in an answer that does not name what was asked about."""


class YesNoWordsError(BrokenFileError):
    """The file of words for yes and no can't be used. The message names the file and the fault."""


class YesNoWords:
    """The words for yes and no. All languages are recognised at once.

    Raises:
        YesNoWordsError: the file at ``path`` can't be read, or is malformed.
    """

    def __init__(self, path: Path = YES_NO_FILE) -> None:
        try:
            read = TypeAdapter(dict[str, dict[str, list[str]]]).validate_python(read_yaml(path))
            self._yes = _phrases(language["yes"] for language in read.values())
            self._no = _phrases(language["no"] for language in read.values())
            consents = [_phrases([each["yes"]]) - _phrases([each.get("polite", [])]) for each in read.values()]
            self._consent = frozenset[str]().union(*consents)
            self._after_no = [*zip((_leading(each["no"]) for each in read.values()), consents, strict=True)]
            """For each language, a pattern for its answer no at the beginning of a text, and its words of consent."""
        except KeyError as error:
            raise YesNoWordsError(f"{path} can't be used: a language has no words for {error}") from error
        except UNREADABLE as error:
            raise YesNoWordsError(f"{path} can't be used: {reason(error)}") from error

    def is_yes(self, text: str, about: str = "") -> bool:
        """Whether an answer begins with a word for yes, has no word for no, and goes on to nothing else.

        "Okay, tell me more" says yes to something else, so it is no yes. Words that name what was asked about may
        follow.

        Args:
            about: what the question was about, such as the name of a tool.
        """
        words = plain_words(text)
        if not 0 < len(words) <= MAX_WORDS or any(has_phrase(plain(text), phrase) for phrase in self._no):
            return False
        if not any(_begins(phrase, words) for phrase in self._yes):
            return False
        named = frozenset(plain_words(about.replace("_", " ")))
        others = sum(not self._is_part_of_yes(word) and word not in named for word in words)
        return "?" not in text and (others <= MAX_OTHERS or not named.isdisjoint(words))

    def _is_part_of_yes(self, word: str) -> bool:
        return any(word in phrase.split() or (phrase >= FIRST_UNSPACED and phrase in word) for phrase in self._yes)

    def is_no(self, text: str) -> bool:
        """Whether an answer begins with a word for no, and does not agree after that.

        "No, go ahead" may mean that nothing is wrong, so it does not count as a no. In "no, don't do it", the
        words of consent are denied.
        """
        words = plain_words(text)
        if not 0 < len(words) <= MAX_WORDS or not any(_begins(phrase, words) for phrase in self._no):
            return False
        # The comma after the no may be missing. Then only consent in the same language counts. In "non va bene", the
        # first word is a no in French, but the others agree only in Italian, where the whole is a no.
        rests = [(text[no.end() :], consent) for leading, consent in self._after_no if (no := leading.match(text))]
        return not any(_agrees(rest, consent) for rest, consent in ((text, self._consent), *rests))


def _phrases(languages: Iterable[list[str]]) -> frozenset[str]:
    return frozenset(phrase for words in languages for word in words if (phrase := plain(word)))


def _begins(phrase: str, words: list[str]) -> bool:
    if phrase >= FIRST_UNSPACED:
        return words[0].startswith(phrase)
    wanted = phrase.split()
    return words[: len(wanted)] == wanted


def _agrees(text: str, consent: frozenset[str]) -> bool:
    return any(has_phrase(plain(clause), phrase) for clause in not_denied(text).splitlines() for phrase in consent)


def _leading(no: list[str]) -> re.Pattern[str]:
    """A pattern for the first of these words at the beginning of a text, however often it is said.

    In a script without spaces, a single character may be the beginning of another word, so it does not count.
    """
    first = no[0] if no else ""
    if first >= FIRST_UNSPACED:
        return re.compile(rf"(?:\W*{re.escape(first)})+" if len(first) > 1 else r"(?!)")
    return re.compile(rf"(?:\W*{re.escape(first)}(?![\w'’-]))+" if first else r"(?!)", re.IGNORECASE)
