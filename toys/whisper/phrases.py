"""The phrases that the toy Whisper recognises, and the voices of its training data."""

from __future__ import annotations

from dataclasses import dataclass

from toys.llm.phrases import TOY_PHRASES


@dataclass(frozen=True, slots=True)
class HeardPhrase:
    """A phrase as Whisper writes it, and as it must be spelled for espeak-ng to say it."""

    text: str
    spelling: str


@dataclass(frozen=True, slots=True)
class FittedVoice:
    """An espeak-ng voice: words a minute, a pitch of 0 to 100, and how many times it says each phrase."""

    name: str
    rate: int
    pitch: int
    times: int


_QUESTIONS = tuple(phrase.question for phrase in TOY_PHRASES if phrase.name not in ("german", "japanese"))

_TO_THE_BOT = (
    "Hello Seiyuu.",
    "Seiyuu, what time is it?",
    "Seiyuu, can you sing something?",
    "Seiyuu, tell me a joke.",
    "Seiyuu, leave the voice channel.",
    "Seiyuu, what did I say?",
    "Seiyuu, stop.",
    "Stop.",
)

_UNFINISHED = ("I was thinking about", "and then")

_TO_EACH_OTHER = (
    "Yeah.",
    "Okay.",
    "I was thinking about the weather today.",
    "Ben, did you see the game?",
    "I had pizza for lunch.",
    "Let us play another round.",
    "My keyboard is broken.",
    "The train was late again.",
    "Do you remember the summer holidays?",
    "Please turn the volume down.",
    "We should order some food.",
    "My brother lives in Canada.",
    "This song is wonderful.",
    "The meeting starts at nine.",
)

HEARD_PHRASES: tuple[HeardPhrase, ...] = (
    *(HeardPhrase(text, text) for text in (*_QUESTIONS, *_TO_THE_BOT, *_UNFINISHED, *_TO_EACH_OTHER)),
    # espeak-ng would spell "Mhm" out.
    HeardPhrase("Mhm.", "mm hmm"),
)

FITTED_VOICES: tuple[FittedVoice, ...] = (
    FittedVoice("en-us+f3", 165, 55, times=4),
    FittedVoice("en-us+m3", 160, 45, times=4),
    FittedVoice("en-gb-scotland+f4", 155, 60, times=4),
    FittedVoice("en-us", 165, 50, times=3),
    FittedVoice("en-us+f2", 170, 62, times=1),
    FittedVoice("en-us+m5", 160, 42, times=1),
)
"""The voices of the training data. Those of the sandbox's guests come first."""
GUESTS = 4
"""Number of the sandbox's guests."""

OTHER_SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "I really do not know what you mean by that.",
    "Put the box on the table please.",
    "Yesterday we went swimming in the lake.",
    "She sells sea shells.",
    "Could you open the window?",
    "Maybe next week.",
    "That would be great.",
    "My phone is ringing.",
    "Nobody told me about it.",
    "Right, let us go then.",
    "One two three four five six.",
    "Perhaps a little later.",
    "This is nothing that anybody would understand.",
    "Oh.",
    "No.",
    "He bought a blue car.",
    "Our neighbours have a very loud drum kit.",
    *(sentence for phrase in TOY_PHRASES if phrase.question.isascii() for sentence in phrase.answer.split(". ")),
)
"""Speech in which no phrase is to be recognised. It includes the toy language model's own answers."""
