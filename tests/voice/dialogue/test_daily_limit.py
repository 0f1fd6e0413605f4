"""Once today's limit is reached, people who speak are told so once in a call, and people who type each time."""

from __future__ import annotations

from bot.speech_server.errors import SpeechLimitError
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.dialogue.reply_speech import VOICE_LIMIT
from bot.voice.events import NoticePosted
from bot.voice.turn import Microphone, Outcome, Prompt, SpokenTurn, TurnId
from tests.voice.dialogue.talk import MarkedResponder, Talk, WordVoice, talking
from tests.voice.doubles import REACHED, LimitedMind
from wire.messages import ClientMessage, Speak


class LimitedResponder(LimitedMind, MarkedResponder):
    """A responder whose model server may not be asked any more, for a :class:`Talk`."""


def told(talk: Talk) -> list[str]:
    return [event.text for event in talk.events if isinstance(event, NoticePosted)]


class LimitedVoice(WordVoice):
    """A voice that costs money, and may not begin anything any more."""

    async def send(self, message: ClientMessage) -> None:
        if isinstance(message, Speak):
            raise SpeechLimitError(REACHED)


async def test_people_are_told_once_why_a_voice_may_not_speak_and_the_answers_are_written() -> None:
    async with talking(voice=LimitedVoice()) as talk:
        for number in range(1, 3):
            talk.conversation.prompt(Prompt("Ben", f"question {number}", 0.0, person=2))
            await talk.quiet()
        explained, first, second = told(talk)
        assert explained == VOICE_LIMIT.format(why=REACHED)
        assert first.startswith(VOICE_FAILED)
        assert second.startswith(VOICE_FAILED)
        assert [event.trace.outcome for event in talk.ended] == 2 * [Outcome.WRITTEN]


async def test_whoever_speaks_is_told_once_and_whoever_types_each_time() -> None:
    async with talking(responder=LimitedResponder()) as talk:
        for number in range(1, 4):
            spoken = SpokenTurn(TurnId(1, number), Microphone.OPEN, 0.0, 0.0, 0.0)
            talk.conversation.commit(Prompt("Ada", f"question {number}", 0.0, person=1, spoken=spoken))
            await talk.quiet()
        assert told(talk) == [f"❌ {REACHED}"]
        talk.conversation.prompt(Prompt("Ben", "and I?", 0.0, person=2))
        await talk.quiet()
        assert told(talk) == 2 * [f"❌ {REACHED}"]
        assert [event.trace.outcome for event in talk.ended] == 4 * [Outcome.FAILED]
