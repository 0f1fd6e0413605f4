"""Tests of messages during a call: answered afterwards in order, each exactly once, even after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.features.text_chat.answer_writer import AnswerWriter, ChatQuestion
from bot.features.text_chat.dropped import DROPPED, FAILED
from bot.features.text_chat.live_answer import LiveAnswer
from bot.features.text_chat.service import NOT_KEPT, STOPPED, ChatPace
from bot.replying import AnyMessage
from sandbox.server import Sandbox
from tests.e2e.scripted_model import Answer, Fault
from tests.features.chat_stage import PACE, ChatStage, chat_stage
from tests.features.talk import written_by_bots
from tests.timing import LIMIT


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatStage]:
    async with chat_stage(tmp_path, monkeypatch) as made:
        yield made


async def test_during_a_call_messages_wait_and_are_answered_in_order_afterwards(stage: ChatStage) -> None:
    bob = await stage.sandbox.add_guest("Bob")
    await stage.ask("before")
    await stage.chat.hold("a call")
    questions = [await stage.mention("one"), await stage.mention("two", bob), await stage.mention("three")]
    for question in questions:
        await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
    assert len(stage.model.asked) == 1
    await stage.chat.release()
    answers = [await stage.reply_to(question) for question in questions]
    assert [answer.id for answer in answers] == sorted(answer.id for answer in answers)
    assert [answer.content for answer in answers][1] == "You said: Bob: someone two"
    assert answers[1].mentions == (bob.user,)
    assert (await stage.ask("after")).content == "You said: Ada: someone after"


async def test_a_person_who_writes_during_a_call_is_told_if_the_message_cannot_be_kept_for_later(
    stage: ChatStage,
) -> None:
    await stage.chat.hold("a call")
    await stage.stage.database.rows("PRAGMA query_only = ON")
    question = await stage.mention("one")
    assert (await stage.reply_to(question)).content == NOT_KEPT
    await stage.chat.release()
    assert (await stage.ask("two")).content == "You said: Ada: someone two", "an answer needs no database"
    await stage.stage.database.rows("PRAGMA query_only = OFF")
    assert (await stage.ask("three")).content == "You said: Ada: someone three"
    assert not any("two" in text for _, text in stage.last_asked()[:-1]), "what could not be stored is not remembered"


async def test_a_person_whose_waiting_message_can_not_be_answered_is_told_and_the_next_one_is_answered(
    stage: ChatStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = AnswerWriter.write

    async def break_down(writer: AnswerWriter, message: AnyMessage, question: ChatQuestion, answer: LiveAnswer) -> str:
        if question.text.endswith(" one"):
            raise RuntimeError("a bug")
        return await write(writer, message, question, answer)

    monkeypatch.setattr(AnswerWriter, "write", break_down)
    await stage.chat.hold("a call")
    questions = [await stage.mention("one"), await stage.mention("two")]
    for question in questions:
        await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
    await stage.chat.release()
    assert [(await stage.reply_to(question)).content for question in questions] == [
        FAILED,
        "You said: Ada: someone two",
    ]


async def test_an_answer_that_takes_too_long_when_a_call_begins_ends_with_a_note(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer("Once upon a time", Fault.STALL)
    question = await stage.mention("tell me a story")
    await stage.reply_to(question)
    await stage.chat.hold("a call")
    await stage.until(lambda: STOPPED in stage.replies_to(question)[0])
    assert stage.replies_to(question) == [f"Once upon a time\n\n{STOPPED}"]
    assert stage.model.open_streams == 0
    stage.model.script = lambda _line: Answer("The end.")
    await stage.chat.release()
    await stage.ask("go on")
    assert stage.last_asked()[1] == ("assistant", "Once upon a time—")


async def test_a_message_whose_answer_had_not_begun_when_a_call_begins_waits_like_the_others(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer(fault=Fault.SILENT)
    question = await stage.mention("hello")
    await stage.until(lambda: stage.model.asked)
    await stage.chat.hold("a call")
    await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
    stage.model.script = lambda _line: Answer("Here I am.")
    await stage.chat.release()
    assert (await stage.reply_to(question)).content == "Here I am."


async def test_words_that_are_being_posted_when_a_call_begins_are_not_posted_twice(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer("Once upon a time", Fault.STALL)
    stage.sandbox.faults.rest.slow("POST /channels/*/messages", times=1, seconds=1.5)
    question = await stage.mention("tell me a story")
    await stage.until(lambda: stage.sandbox.faults.rest.pending == 0)
    await stage.chat.hold("a call")
    await stage.until(lambda: stage.replies_to(question) and STOPPED in stage.replies_to(question)[0])
    await stage.chat.release()
    await asyncio.sleep(0.1)
    assert len(stage.replies_to(question)) == 1


async def test_a_new_call_interrupts_the_answers_and_the_rest_waits(stage: ChatStage) -> None:
    await stage.chat.hold("a call")
    first, second = await stage.mention("one"), await stage.mention("two")
    await stage.ada.wait_for_reaction(second, "🎤", LIMIT)
    stage.model.script = lambda _line: Answer("Let me see", Fault.STALL)
    await stage.chat.release()
    await stage.reply_to(first)
    await stage.chat.hold("another call")
    await stage.until(lambda: STOPPED in stage.replies_to(first)[0])
    stage.model.script = lambda _line: Answer("Now.")
    await asyncio.sleep(0.1)
    assert stage.replies_to(second) == []
    assert len(stage.model.asked) == 1
    await stage.chat.release()
    assert (await stage.reply_to(second)).content == "Now."
    assert len(stage.replies_to(first)) == 1


async def test_a_message_that_was_deleted_meanwhile_is_answered_without_the_reference(stage: ChatStage) -> None:
    await stage.chat.hold("a call")
    gone, stays = await stage.mention("one"), await stage.mention("two")
    await stage.ada.wait_for_reaction(stays, "🎤", LIMIT)
    await stage.ada.delete(gone)
    await stage.chat.release()
    assert (await stage.reply_to(stays)).content == "You said: Ada: someone two"
    written = written_by_bots(stage.sandbox, stage.sandbox.home.general)
    assert [(m.content, m.reference_id) for m in written] == [
        ("You said: Ada: someone one", None),
        ("You said: Ada: someone two", stays.id),
    ]


async def test_messages_that_wait_in_a_deleted_channel_delay_nobody(stage: ChatStage) -> None:
    await stage.chat.hold("a call")
    side = stage.sandbox.home.side
    lost = await stage.ada.say(side, f"<@{stage.sandbox.bot_id}> one")
    await stage.ada.wait_for_reaction(lost, "🎤", LIMIT)
    stays = await stage.mention("two")
    await stage.ada.wait_for_reaction(stays, "🎤", LIMIT)
    await stage.sandbox.faults.delete_channel(side)
    await stage.chat.release()
    assert (await stage.reply_to(stays)).content == "You said: Ada: someone two"
    assert (await stage.ask("three")).content == "You said: Ada: someone three"


async def test_a_message_comes_after_those_that_already_wait_in_the_channel(stage: ChatStage) -> None:
    await stage.chat.hold("a call")
    early = await stage.mention("early")
    await stage.ada.wait_for_reaction(early, "🎤", LIMIT)
    stage.model.script = lambda line: Answer(f"To {line}", Fault.STALL if "early" in line else None)
    await stage.chat.release()
    await stage.reply_to(early)
    late = await stage.mention("late")
    await stage.chat.hold("a call")
    await stage.ada.wait_for_reaction(late, "🎤", LIMIT)
    assert stage.replies_to(late) == []
    await stage.chat.release()
    assert (await stage.reply_to(late)).content == "To Ada: someone late"


async def test_the_newest_100_of_250_messages_are_answered_and_the_other_authors_notified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox() as sandbox:
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            await stage.chat.hold("a call")
            questions = [await stage.mention(f"number {number}") for number in range(250)]
            for question in questions:
                await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
            await stage.until(lambda: stage.replies_to(questions[149]))
            assert stage.model.asked == []
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            await stage.chat.resume()
            await stage.until(lambda: stage.replies_to(questions[-1]))
            replies = [stage.replies_to(question) for question in questions]
            assert replies[:150] == [[DROPPED]] * 150
            assert replies[150:] == [[f"You said: Ada: someone number {n}"] for n in range(150, 250)]
            assert len(stage.model.asked) == 100


@pytest.mark.parametrize("cut", [Answer("Half of an", Fault.STALL), Answer(fault=Fault.SILENT)])
async def test_a_process_that_dies_in_the_middle_of_an_answer_leaves_one_whole_answer_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: Answer
) -> None:
    async with Sandbox() as sandbox:
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            await stage.chat.hold("a call")
            question, other = await stage.mention("one"), await stage.mention("two")
            await stage.ada.wait_for_reaction(other, "🎤", LIMIT)
            stage.model.script = lambda _line: cut
            await stage.chat.release()
            await stage.until(lambda: stage.replies_to(question) if cut.text else stage.model.asked)
        assert stage.replies_to(question) == ([cut.text] if cut.text else [])
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            await stage.chat.resume()
            await stage.until(lambda: stage.replies_to(other))
            assert stage.replies_to(question) == ["You said: Ada: someone one"]
            assert stage.replies_to(other) == ["You said: Ada: someone two"]


async def test_private_messages_wait_too_and_survive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Sandbox() as sandbox:
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            await stage.chat.hold("a call")
            question = await stage.ada.dm("hello")
            await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
            ada = stage.ada
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            await stage.chat.resume()
            answer = await ada.wait_for_message(ada.dm_channel, timeout=LIMIT)
            assert (answer.content, answer.reference_id) == ("You said: Ada: hello", question.id)


async def test_when_discord_fails_for_a_while_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = ChatPace(edit_interval=PACE.edit_interval, queue_pause=0.05)
    async with chat_stage(tmp_path, monkeypatch, pace=pace) as stage:
        await stage.chat.hold("a call")
        question = await stage.mention("hello")
        await stage.ada.wait_for_reaction(question, "🎤", LIMIT)
        stage.sandbox.faults.rest.fail("GET /channels/*/messages/*", times=1, status=501)
        await stage.chat.release()
        assert (await stage.reply_to(question)).content == "You said: Ada: someone hello"
