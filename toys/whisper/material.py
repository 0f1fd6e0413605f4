"""Training data of the toy: phrases spoken in several ways, and other sounds, each as the toy's encoder sums it up.

Other renderings of every phrase, in the voices of the sandbox's guests, show how certain the trained toy is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from audio.samples import HEARING_RATE, Sound16
from toys.whisper.encoder import Matrix, make_encoder
from toys.whisper.phrases import FITTED_VOICES, GUESTS, HEARD_PHRASES, OTHER_SENTENCES, FittedVoice
from toys.whisper.sounds import wordless
from toys.whisper.speech import packets, received, say, silence, to_hearing_rate

Example = tuple[int, Matrix]
"""The index of the phrase in the table, or :data:`NO_PHRASE`; and the encoder's summary."""

NO_PHRASE = len(HEARD_PHRASES)

# Share of the sounds that are encoded in Opus's mode for speech.
_VOIP_SHARE = 0.4
_PACKET_LOSSES = (0.0, 0.0, 0.02, 0.05, 0.08)
# Number of times that each rendering of a whole phrase is transmitted, with other losses each time.
_TRANSMISSIONS = 2
# Numbers of examples per phrase: the phrase over somebody else's voice, the phrase with a pause in it, sounds without
# words, parts of the phrase, and other sentences.
_OVER_A_VOICE = 20
_PAUSED = 6
_WORDLESS = 14
_PARTS = 9
_OTHERS = 6
# Phrases with at least this many words are also used over a voice, with a pause in them, and in parts.
_PART_FROM_WORDS = 4
# Paces of the renderings that are not trained on, and the seconds of silence around them.
_UNSEEN_PACES = (0.95, 1.05)
_UNSEEN_SILENCE = 0.25


def examples(phrase: int) -> list[Example]:
    """All examples for one phrase: the phrase, parts of it, other sentences and sounds. Blocks for a second."""
    random = np.random.default_rng(phrase)
    encoder, extract = make_encoder(), FeatureExtractor()
    return [
        (target, summary)
        for target, sound in _sounds(phrase, random)
        for summary in encoder.summaries(extract(_varied(sound, random)))
    ]


def unseen(phrase: int) -> list[Matrix]:
    """Summaries of one phrase that are not trained on: each guest says it slowly, and quickly through Opus."""
    no_losses = np.random.default_rng(phrase)
    encoder, extract = make_encoder(), FeatureExtractor()
    summaries = list[Matrix]()
    for guest in FITTED_VOICES[:GUESTS]:
        for number, pace in enumerate(_UNSEEN_PACES):
            spoken = say(HEARD_PHRASES[phrase].spelling, guest, round(guest.rate * pace), guest.pitch)
            around = silence(_UNSEEN_SILENCE)
            sound = np.concatenate((around, spoken, around))
            if number % 2:
                heard = received(packets(sound, application="lowdelay"), 0.0, no_losses)
            else:
                heard = to_hearing_rate(sound)
            summaries += encoder.summaries(extract(heard))
    return summaries


def _sounds(phrase: int, random: np.random.Generator) -> Iterator[tuple[int, Sound16]]:
    spelling = HEARD_PHRASES[phrase].spelling
    for voice in FITTED_VOICES:
        for _ in range(voice.times):
            sent = _send(_say_varied(spelling, voice, random), random)
            for _ in range(_TRANSMISSIONS):
                yield phrase, _receive(sent, random)
    for _ in range(_OVER_A_VOICE if len(spelling.split()) >= _PART_FROM_WORDS else 0):
        sound = _over_a_voice(_say_varied(spelling, _any_voice(random), random), random)
        yield phrase, _receive(_send(sound, random), random)
    for _ in range(_PAUSED if len(spelling.split()) >= _PART_FROM_WORDS else 0):
        yield phrase, _receive(_send(_say_with_pause(spelling, _any_voice(random), random), random), random)
    for _ in range(_PARTS if len(spelling.split()) >= _PART_FROM_WORDS else 0):
        whole = _say_varied(spelling, _any_voice(random), random)
        part = whole[: int(len(whole) * random.uniform(0.2, 0.7))]
        yield NO_PHRASE, _receive(_send(part, random), random)
    for _ in range(_OTHERS):
        sentence = OTHER_SENTENCES[random.integers(len(OTHER_SENTENCES))]
        yield NO_PHRASE, _receive(_send(_say_varied(sentence, _any_voice(random), random), random), random)
    for _ in range(_WORDLESS):
        yield NO_PHRASE, wordless(random)
    yield NO_PHRASE, np.zeros(int(random.uniform(0.2, 3) * HEARING_RATE), np.float32)


def _any_voice(random: np.random.Generator) -> FittedVoice:
    return FITTED_VOICES[random.integers(len(FITTED_VOICES))]


def _say_varied(text: str, voice: FittedVoice, random: np.random.Generator) -> Sound16:
    """Speak ``text`` at a random rate and pitch. Sometimes the beginning is missing, as with a late microphone."""
    rate, pitch = voice.rate * random.uniform(0.9, 1.12), voice.pitch + random.uniform(-8, 8)
    sound = say(text, voice, int(rate), int(pitch))
    return sound[int(random.choice((0, 0, 960, 2_400))) :]


def _over_a_voice(sound: Sound16, random: np.random.Generator) -> Sound16:
    """The sound over somebody else's quieter words, like an echo from loudspeakers that ends at a random moment."""
    sentence = OTHER_SENTENCES[random.integers(len(OTHER_SENTENCES))]
    words = _say_varied(sentence, _any_voice(random), random)
    whole = np.concatenate((silence(random.uniform(0, 0.5)), sound, silence(random.uniform(0, 0.5))))
    under = np.resize(np.roll(words, random.integers(len(words))), len(whole)) * 10 ** random.uniform(-1.2, -0.4)
    under[random.integers(len(under)) :] *= 10 ** random.uniform(-1, 0)
    mixed: Sound16 = (whole + under).astype(np.float32)
    return mixed


def _say_with_pause(text: str, voice: FittedVoice, random: np.random.Generator) -> Sound16:
    """Speak ``text`` with a pause of up to a second between two of its words."""
    words = text.split()
    at = random.integers(2, len(words) - 1)
    halves = [_say_varied(" ".join(half), voice, random) for half in (words[:at], words[at:])]
    return np.concatenate((halves[0], silence(random.uniform(0.2, 1.0)), halves[1]))


def _send(sound: Sound16, random: np.random.Generator) -> list[bytes]:
    """Encode the sound as packets, with silence around it and sometimes with the noise of a room."""
    whole = np.concatenate((silence(random.uniform(0.05, 0.7)), sound, silence(random.uniform(0.05, 0.6))))
    if random.random() < 0.3:
        whole += random.normal(0, 10 ** random.uniform(-3.5, -2.3), len(whole)).astype(np.float32)
    return packets(whole, application="voip" if random.random() < _VOIP_SHARE else "lowdelay")


def _receive(sent: list[bytes], random: np.random.Generator) -> Sound16:
    return received(sent, float(random.choice(_PACKET_LOSSES)), random)


def _varied(sound: Sound16, random: np.random.Generator) -> Sound16:
    """The sound at a random level, with some noise, and with a random beginning cut off (up to 50 ms)."""
    noise = random.normal(0, 10 ** random.uniform(-5, -2.8), len(sound))
    loud: Sound16 = np.clip(sound * 10 ** random.uniform(-0.9, 0.35) + noise, -1, 1).astype(np.float32)
    return loud[random.integers(0, 800) :]
