"""When the bot says its last words in a phone call, it knows whether it still owes an answer to a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.voice.phone.line import PhoneLine
from bot.voice.transport import EndCause
from bot.voice.turn import Microphone, Prompt, SpokenTurn, TurnId
from tests.timing import wait_until
from tests.voice.doubles import ThinkingMind
from tests.voice.phone.test_daily_limits import CALLER_ID, phone_call

QUESTION = Prompt(
    "Caller",
    "What is a frog?",
    0.0,
    person=CALLER_ID,
    spoken=SpokenTurn(TurnId(CALLER_ID, 1), Microphone.OPEN, 0.0, 0.0),
)


@pytest.mark.parametrize(
    ("cause", "asked", "left"),
    [
        (EndCause.COMMAND, True, True),
        (EndCause.VOICE_LOST, True, True),
        (EndCause.FAILURE, True, True),
        (EndCause.VOICE_COMMAND, True, False),
        (EndCause.COMMAND, False, False),
    ],
)
async def test_the_bot_says_that_an_answer_is_missing_unless_the_caller_ended_the_call(
    tmp_path: Path, cause: EndCause, asked: bool, left: bool
) -> None:
    said = list[tuple[EndCause, bool]]()
    async with phone_call(tmp_path, ThinkingMind()) as room:
        transport = room.call.transport

        async def last_words(_: PhoneLine, cause: EndCause) -> None:
            said.append((cause, transport.left_unanswered))

        transport.last_words = last_words
        if asked:
            room.call.say(QUESTION)
            await wait_until(lambda: room.call.conversation.answering)
        await room.call.close(cause)
    assert said == [(cause, left)]
