"""Events and prompts for tests of the dialogue's state machine."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.turn import Microphone, Prompt, SpokenTurn, TurnId
from tests.voice.effects import only
from wire.messages import SegmentEnd, SegmentStart

ADA = Prompt("Ada", "what's up?", 0.0, message=1)
TURN, OTHER_TURN = TurnId(7, 1), TurnId(8, 1)
SOUND = np.zeros(9600, np.float32)


def spoken(text: str, turn: TurnId = TURN) -> Prompt:
    return Prompt("Ada", text, 0.0, spoken=SpokenTurn(turn, Microphone.OPEN, 0.1, 0.3))


def written_texts(effects: Iterable[do.Effect]) -> list[str]:
    return [effect.text for effect in only(do.Tell, effects)]


def speak(reply: str, text: str) -> list[on.Event]:
    return [
        on.TokenCame(reply, text),
        SegmentStart(0, text, reply),
        SegmentAudio(reply, 0, SOUND),
        SegmentEnd(0, len(SOUND), reply),
    ]
