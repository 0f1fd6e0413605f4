"""What the toy is fitted on: renderings of every phrase, and of what is none, each as the encoder sums it up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from audio.samples import HEARING_RATE, Sound16
from toys.whisper.encoder import Matrix, make_encoder
from toys.whisper.phrases import FITTED_VOICES, HEARD_PHRASES, OTHER_SENTENCES, FittedVoice
from toys.whisper.sounds import wordless
from toys.whisper.speech import packets, received, say, silence

Example = tuple[int, Matrix]
"""Which phrase it is, by its place in the table, or :data:`NO_PHRASE`; and the encoder's summary."""

NO_PHRASE = len(HEARD_PHRASES)

_FOR_SPEECH = 0.4
_LOSSES = (0.0, 0.0, 0.02, 0.05, 0.08)
_HEARINGS = 2
_WORDLESS = 14
_PARTS = 9
_OTHERS = 6
_PART_FROM_WORDS = 4


def examples(phrase: int) -> list[Example]:
    """All examples that one phrase gives: itself, parts of it, other sentences and sounds. Blocks for a second."""
    random = np.random.default_rng(phrase)
    encoder, extract = make_encoder(), FeatureExtractor()
    return [
        (target, encoder.summary(extract(_from_somewhere(sound, random)))) for target, sound in _sounds(phrase, random)
    ]


def _sounds(phrase: int, random: np.random.Generator) -> Iterator[tuple[int, Sound16]]:
    spelling = HEARD_PHRASES[phrase].spelling
    for voice in FITTED_VOICES:
        for _ in range(voice.times):
            sent = _sent(_said(spelling, voice, random), random)
            for _ in range(_HEARINGS):
                yield phrase, _heard(sent, random)
    for _ in range(_PARTS if len(spelling.split()) >= _PART_FROM_WORDS else 0):
        whole = _said(spelling, _any_voice(random), random)
        part = whole[: int(len(whole) * random.uniform(0.2, 0.7))]
        yield NO_PHRASE, _heard(_sent(part, random), random)
    for _ in range(_OTHERS):
        sentence = OTHER_SENTENCES[random.integers(len(OTHER_SENTENCES))]
        yield NO_PHRASE, _heard(_sent(_said(sentence, _any_voice(random), random), random), random)
    for _ in range(_WORDLESS):
        yield NO_PHRASE, wordless(random)
    yield NO_PHRASE, np.zeros(int(random.uniform(0.2, 3) * HEARING_RATE), np.float32)


def _any_voice(random: np.random.Generator) -> FittedVoice:
    return FITTED_VOICES[random.integers(len(FITTED_VOICES))]


def _said(text: str, voice: FittedVoice, random: np.random.Generator) -> Sound16:
    """Faster or slower, higher or lower; sometimes the microphone opens a little late."""
    rate, pitch = voice.rate * random.uniform(0.9, 1.12), voice.pitch + random.uniform(-8, 8)
    sound = say(text, voice, int(rate), int(pitch))
    return sound[int(random.choice((0, 0, 960, 2_400))) :]


def _sent(sound: Sound16, random: np.random.Generator) -> list[bytes]:
    """Between silences, and sometimes in a room that is not quiet."""
    whole = np.concatenate((silence(random.uniform(0.05, 0.7)), sound, silence(random.uniform(0.05, 0.6))))
    if random.random() < 0.3:
        whole += random.normal(0, 10 ** random.uniform(-3.5, -2.3), len(whole)).astype(np.float32)
    return packets(whole, application="voip" if random.random() < _FOR_SPEECH else "lowdelay")


def _heard(sent: list[bytes], random: np.random.Generator) -> Sound16:
    return received(sent, float(random.choice(_LOSSES)), random)


def _from_somewhere(sound: Sound16, random: np.random.Generator) -> Sound16:
    """At any level from a whisper to the limit, over some noise, and begun anywhere in the silence before it."""
    noise = random.normal(0, 10 ** random.uniform(-5, -2.8), len(sound))
    loud: Sound16 = np.clip(sound * 10 ** random.uniform(-0.9, 0.35) + noise, -1, 1).astype(np.float32)
    return loud[random.integers(0, 800) :]
