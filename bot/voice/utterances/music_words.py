"""Recognises that somebody wants to hear a piece of music: "play the Blue Danube". Only pieces that are there count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Protocol

from bot.text import plain, rest_after, rest_before
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import (
    GAP,
    MAX_CHARACTERS,
    CommandPhrases,
    CommandRequest,
    Phrases,
    VoiceCommand,
)


class MusicTitles(Protocol):
    """The titles of the pieces that can be played. Words are plain; see :func:`~bot.text.plain`."""

    def exact(self, words: str) -> str:
        """The title that consists of these words; empty if there is none."""
        ...

    def only(self, words: str) -> str:
        """The only title that has all these words; empty if there is none, or more than one."""
        ...


class PlayWords:
    """Finds requests for a piece of music. The words have to name a piece that is there; other talk about music is no
    request.

    After "play", which people say of games too, the words must be a whole title. After "play the song", some words of
    the title are enough, if no other title has them.

    Args:
        names: the names of the bot.
    """

    def __init__(self, names: Names, phrases: CommandPhrases) -> None:
        self._names = names
        self._polite = phrases.polite
        self._play_song = _around(phrases.play_song)
        self._all = (*self._play_song, *_around(phrases.play))

    def find(self, text: str, titles: MusicTitles) -> CommandRequest | None:
        """The request for a piece of music; ``None`` if the utterance has other words too, except names and polite
        words.
        """
        if len(text) > MAX_CHARACTERS:
            return None
        heard = plain(text)
        # Most texts have none of the phrases. This quick check spares them the slower search for names.
        if not any(before in heard and after in heard for before, after in self._all):
            return None
        said = list(self._readings(heard))
        for words in said:
            for wanted in _between(words, self._all):
                if title := titles.exact(wanted):
                    return CommandRequest(VoiceCommand.PLAY, title)
        for words in said:
            for wanted in _between(words, self._play_song):
                if title := titles.only(wanted):
                    return CommandRequest(VoiceCommand.PLAY, title)
        return None

    def _readings(self, said: str) -> Iterator[str]:
        """The words with fewer and fewer polite words and names at their end. A title may end with such a word."""
        said = self._names.without(said)
        while (shorter := self._names.without(_without_first(said, self._polite))) != said:
            said = shorter
        yield said
        while (shorter := self._names.without(_without_last(said, self._polite))) != said:
            said = shorter
            yield said


def _around(phrases: Phrases) -> Sequence[tuple[str, str]]:
    """What stands before and after the title in each phrase, the longest first, in plain words."""
    parts = [phrase.partition(GAP) for templates in phrases.values() for phrase in templates]
    return sorted(((plain(before), plain(after)) for before, _, after in parts), key=lambda each: -len("".join(each)))


def _between(words: str, phrases: Sequence[tuple[str, str]]) -> Iterator[str]:
    for before, after in phrases:
        rest = rest_after(words, before)
        rest = rest_before(rest, after) if rest is not None else None
        if rest:
            yield rest


def _without_first(text: str, phrases: Set[str]) -> str:
    """A text without the longest of the phrases at its beginning."""
    return min((rest for phrase in phrases if (rest := rest_after(text, phrase)) is not None), key=len, default=text)


def _without_last(text: str, phrases: Set[str]) -> str:
    """A text without the longest of the phrases at its end."""
    return min((rest for phrase in phrases if (rest := rest_before(text, phrase)) is not None), key=len, default=text)
