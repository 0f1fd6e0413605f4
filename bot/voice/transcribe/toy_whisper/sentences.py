"""What the toy Whisper can hear: a closed list."""

from __future__ import annotations

from bot.llm.toy_phrases import TOY_PHRASES

_FOR_THE_CALL = (
    "Hello Seiyuu.",
    "Seiyuu, what time is it?",
    "Seiyuu, can you sing something?",
    "Seiyuu, tell me a joke.",
    "Seiyuu, leave the voice channel.",
    "Seiyuu, what did I say?",
    "Stop.",
    "Mhm.",
    "Okay.",
    "I was thinking about",
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

SENTENCES: tuple[str, ...] = (
    *dict.fromkeys((*(phrase.question for phrase in TOY_PHRASES if phrase.question.isascii()), *_FOR_THE_CALL)),
)
"""As they are transcribed; each is one token."""
