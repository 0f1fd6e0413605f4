"""Words as tones: a stand-in voice whose sound a test can write down word by word, as a listener would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from audio.samples import Samples

_LIST = (
    "apple arrow anchor autumn basket bottle bridge button candle carpet castle cherry circle coffee copper "
    "corner cotton desert dinner doctor dragon eagle earth engine family farmer feather finger flower forest "
    "garden ginger guitar hammer harbour helmet honey hunter island jacket jungle kettle kitchen ladder lantern "
    "lemon letter lizard marble market meadow mirror monkey mountain museum needle ocean onion orange oyster "
    "paper parrot pencil pepper piano pillow pirate planet pocket potato prince pumpkin puzzle rabbit ribbon "
    "river rocket saddle salmon school shadow silver spider spring square summer sunset table temple thunder "
    "ticket tiger tunnel turtle valley velvet village violin wagon walnut window winter wizard "
)
WORDS = tuple(_LIST.split())
"""All words that the model of these tests says, each at most once in a call."""
UNKNOWN = "…"
"""What a listener writes for all other words, such as a remark of the bot's own."""
SECONDS = 0.25
"""Length of a word."""
_LOWEST, _STEP = 300.0, 30.0
_FRAME, _WINDOW = 0.02, 0.08
"""Seconds of a frame, and of the sound around it from which its pitch is measured."""
_LEAST = 4
"""Least number of frames that make a word. Between two words, fewer frames than these may sound like a third word."""
_QUIET = 0.01


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word in a sound, and the sample at which it begins."""

    word: str
    begin: int


def tones(text: str, rate: int) -> Samples:
    """The sound of a text: a tone for each word."""
    at = np.arange(round(SECONDS * rate)) / rate
    spoken = re.findall(r"[^\W\d_]+", text.lower())
    return np.concatenate(
        [
            np.zeros(0, np.float32),
            *((0.2 * np.sin(2 * np.pi * _hertz(word) * at)).astype(np.float32) for word in spoken),
        ]
    )


class Listener:
    """Writes down the words of a sound that grows. Only what is new is looked at."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._frame, self._window = round(_FRAME * rate), round(_WINDOW * rate)
        self._words: list[str | None] = []

    def listen(self, sound: Samples) -> list[HeardWord]:
        """The words so far, in order. A word with breaks is one word. A sound of fewer than :data:`_LEAST` frames
        is no word.

        Args:
            sound: all of it, from the beginning.
        """
        # Because of the sound that has come since, the last frames may count as other words than before.
        known = max(0, len(self._words) - self._window // self._frame)
        del self._words[known:]
        self._words += self._words_of(sound, known)
        voiced = [(word, at) for at, word in enumerate(self._words) if word is not None]
        found: list[HeardWord] = []
        for word, same in groupby(voiced, key=lambda each: each[0]):
            places = [at * self._frame for _, at in same]
            if word and len(places) >= _LEAST:
                # A word that sounds for twice as long was said twice.
                found += [HeardWord(word, places[0])] * max(1, round(len(places) * _FRAME / SECONDS))
        return found

    def _words_of(self, sound: Samples, first: int) -> list[str | None]:
        """The word of each frame from number ``first`` on: "" if no word has its pitch, ``None`` for silence."""
        count = len(sound) // self._frame - first
        if count <= 0:
            return []
        frames = sound[first * self._frame :][: count * self._frame].reshape(count, self._frame)
        loud = np.sqrt(np.mean(np.square(frames), axis=1)) > _QUIET
        beside = (self._window - self._frame) // 2
        padded = np.pad(sound, beside)[first * self._frame :]
        around = np.lib.stride_tricks.sliding_window_view(padded, self._window)[:: self._frame][:count]
        peaks = np.abs(np.fft.rfft(around * np.hanning(self._window))).argmax(axis=1) * self._rate / self._window
        return [_word(hertz) if audible else None for hertz, audible in zip(peaks, loud, strict=True)]


def words_in(sound: Samples, rate: int) -> list[HeardWord]:
    """The words of a whole sound."""
    return Listener(rate).listen(sound)


def _hertz(word: str) -> float:
    return _LOWEST + _STEP * (WORDS.index(word) if word in WORDS else -1)


def _word(hertz: float) -> str:
    number = round((hertz - _LOWEST) / _STEP)
    if number == -1:
        return UNKNOWN
    return WORDS[number] if 0 <= number < len(WORDS) else ""
