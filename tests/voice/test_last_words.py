"""A call ends before an answer: people who have typed are told so, and if nobody wanted the end, all others too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.voice.dialogue.left_unanswered import CALL_ENDED, LEFT_UNANSWERED, SEVERAL_LEFT
from bot.voice.dialogue.restart import ASK_AGAIN
from bot.voice.memory_requests import MemoryAnswer, MemoryRequest
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.transport import EndCause
from bot.voice.turn import Microphone, Outcome, Prompt, SpokenTurn, TurnId
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.timing import wait_until
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, RepeatingResponder, ThinkingMind
from tests.voice.memory_call import ADA, BEN, memory_call
from tests.voice.memory_transport import MemoryTransport

QUESTION = Prompt("Ada", "What is a frog?", 0.0, 1, person=ADA)
SPOKEN = Prompt("Ben", "And a toad?", 0.0, person=BEN, spoken=SpokenTurn(TurnId(BEN, 1), Microphone.OPEN, 0.0, 0.0))
BY_PEOPLE = {"command", "voice command", "kicked", "hung up", "channel deleted", "alone"}


@pytest.mark.parametrize("cause", list(EndCause))
async def test_whoever_has_typed_is_told_when_the_call_ends_and_others_too_if_nobody_wanted_the_end(
    tmp_path: Path, cause: EndCause
) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        answered, waiting = memory.call.say(QUESTION), memory.call.say(SPOKEN)
        await memory.call.close(cause)
    assert (answered.outcome, waiting.outcome) == (Outcome.INTERRUPTED, Outcome.DISCARDED)
    wanted = cause in BY_PEOPLE
    told = [text for text in memory.transport.told if text.startswith(CALL_ENDED)]
    assert told == [LEFT_UNANSWERED] * (1 if wanted else 2)


async def test_whoever_has_typed_several_messages_is_told_when_the_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), RepeatingResponder(), HummingSpeech()) as memory:
        memory.call.say(replace(QUESTION, text="What is a toad?", message=2))
        waiting = memory.call.say(QUESTION)
        # The next piece of sound breaks the conversation, before anything is heard.
        monkeypatch.setattr(ReplyPlayback, "wait_for_room", None)
        assert await memory.call.wait_lost() is EndCause.FAILURE
        assert waiting.outcome is Outcome.DISCARDED
        assert memory.call.conversation.over, "whoever types now is told at once"
        await memory.call.close(EndCause.FAILURE)
    assert memory.transport.told[1:] == [SEVERAL_LEFT.format(count=2)]


class SlowKeeper:
    """A memory that carries out nothing in time."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.words: list[str] = []

    async def carry_out(self, request: MemoryRequest, say: Callable[[str], None]) -> MemoryAnswer:
        self.words.append(request.words)
        self.asked.set()
        return await asyncio.Future[MemoryAnswer]()

    def failed(self, request: MemoryRequest) -> MemoryAnswer:
        raise AssertionError


@pytest.mark.parametrize("kind", [VoiceCommand.REMEMBER, VoiceCommand.FORGET_THAT])
async def test_whoever_has_asked_the_memory_for_something_is_told_that_it_is_not_done(
    tmp_path: Path, kind: VoiceCommand
) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        commands, keeper = memory.call._parts.commands, SlowKeeper()
        commands._memory._keeper = keeper
        if kind is VoiceCommand.FORGET_THAT:
            memory.call.say(QUESTION)  # What is to be forgotten is known only when this is answered.
        commands.execute(SpokenCommand(kind, ADA, "Ada", None, "I like frogs", "en"))
        if kind is VoiceCommand.REMEMBER:
            await keeper.asked.wait()
        await memory.call.close(EndCause.COMMAND)
    told = [text for text in memory.transport.told if text.startswith(CALL_ENDED)]
    assert told == [LEFT_UNANSWERED] * (2 if kind is VoiceCommand.FORGET_THAT else 1)


async def test_what_a_person_who_opts_out_has_asked_the_memory_for_is_dropped(tmp_path: Path) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        commands, keeper = memory.call._parts.commands, SlowKeeper()
        commands._memory._keeper = keeper
        commands.execute(SpokenCommand(VoiceCommand.REMEMBER, ADA, "Ada", None, "I like frogs", "en"))
        await keeper.asked.wait()
        keeper.asked.clear()
        commands.execute(SpokenCommand(VoiceCommand.REMEMBER, ADA, "Ada", None, "I like toads", "en"))
        commands.execute(SpokenCommand(VoiceCommand.REMEMBER, BEN, "Ben", None, "I like newts", "en"))
        await memory.consent.opt_out(ADA)
        await keeper.asked.wait()
        assert [prompt.author for prompt in commands.unfinished] == ["Ben"]
        await memory.call.close(EndCause.COMMAND)
    assert keeper.words == ["I like frogs", "I like newts"], "Ada's second request still waited, and is not begun"
    assert [text for text in memory.transport.told if text.startswith(CALL_ENDED)] == [LEFT_UNANSWERED]


class KnowingKeeper(SlowKeeper):
    """A memory that knows something private at once."""

    async def carry_out(self, request: MemoryRequest, say: Callable[[str], None]) -> MemoryAnswer:
        self.asked.set()
        return MemoryAnswer("You are ill.")


async def test_what_the_bot_knows_of_a_person_is_not_written_when_the_call_ends(tmp_path: Path) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        commands, keeper = memory.call._parts.commands, KnowingKeeper()
        commands._memory._keeper = keeper
        memory.call.say(replace(QUESTION, message=None))
        commands.execute(SpokenCommand(VoiceCommand.WHAT_YOU_KNOW, ADA, "Ada", None, "", "en"))
        await wait_until(lambda: memory.call.conversation.waiting == 1)
        await memory.call.close(EndCause.VOICE_COMMAND)
    assert memory.transport.told[1:] == [SEVERAL_LEFT.format(count=2)]


class DoingKeeper(SlowKeeper):
    """A memory that asks a question, and does everything without waiting for the answer."""

    async def carry_out(self, request: MemoryRequest, say: Callable[[str], None]) -> MemoryAnswer:
        say("Shall I?")
        return MemoryAnswer("I've forgotten everything.", done=True)


@pytest.mark.parametrize("end", [EndCause.VOICE_COMMAND, EndCause.FAILURE, EndCause.SHUTDOWN])
async def test_nobody_is_told_to_ask_again_for_what_is_done(tmp_path: Path, end: EndCause) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        commands, keeper = memory.call._parts.commands, DoingKeeper()
        commands._memory._keeper = keeper
        before = len(memory.transport.told)
        memory.call.say(replace(QUESTION, author="", person=None))  # The bot is busy with something of its own.
        commands.execute(SpokenCommand(VoiceCommand.FORGET_ME, ADA, "Ada", None, "", "en"))
        commands.execute(SpokenCommand(VoiceCommand.MOOD, ADA, "Ada", None, "calm"))
        await wait_until(lambda: memory.call.conversation.waiting == 3)
        if end is EndCause.SHUTDOWN:
            await memory.call.end_sentence(0.1, lambda prompt: False)
        await memory.call.close(end)
    told = memory.transport.told[before:]
    assert [text for text in told if text.startswith(CALL_ENDED) or text == ASK_AGAIN] == []


class OptingOut(MemoryTransport):
    """A transport in memory. While the bot leaves it, Ada opts out."""

    opt_out: Callable[[int], Awaitable[bool]]

    async def close(self) -> None:
        await self.opt_out(ADA)
        await super().close()


async def test_somebody_who_opts_out_while_the_bot_leaves_is_told_nothing_more(tmp_path: Path) -> None:
    async with memory_call(
        tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech(), transport=OptingOut
    ) as memory:
        assert isinstance(memory.transport, OptingOut)
        memory.transport.opt_out = memory.consent.opt_out
        memory.call.say(QUESTION)
        memory.call.say(replace(QUESTION, author="Ben", message=2, person=BEN))
        await memory.call.close(EndCause.FAILURE)
    assert memory.transport.told[1:] == [LEFT_UNANSWERED], "only Ben is told"


async def test_before_a_restart_nobody_is_told_a_second_time(tmp_path: Path) -> None:
    async with memory_call(tmp_path, ConstantTranscriber(), ThinkingMind(), HummingSpeech()) as memory:
        memory.call.say(QUESTION)
        await memory.call.end_sentence(0.1, lambda prompt: False)
        await memory.call.close(EndCause.SHUTDOWN)
    assert memory.transport.told[1:] == [ASK_AGAIN]
