"""Tests of the text chat: guests write in channels and direct messages, and read the model's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database import Database
from bot.features.text_chat.answer_writer import MAX_CONTEXT_TOKENS
from bot.features.text_chat.chat_memory import ChatMemory
from bot.llm.history import Turn
from sandbox.server import Sandbox
from tests.e2e.scripted_model import Answer, Fault
from tests.features.chat_stage import ChatStage, chat_stage
from tests.features.talk import let_manage
from tests.timing import LIMIT


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChatStage]:
    async with chat_stage(tmp_path, monkeypatch) as made:
        yield made


async def test_only_people_who_mention_the_bot_or_reply_to_it_are_answered(stage: ChatStage) -> None:
    answer = await stage.ask("hello")
    assert answer.content == "You said: Ada: someone hello"
    assert answer.mentions == ()
    assert "writing in a text chat" in stage.model.asked[0][0]["content"]
    await stage.ada.say(stage.sandbox.home.general, "just talking")
    follow_up = await stage.ada.say(stage.sandbox.home.general, "and now?", reply_to=answer)
    assert (await stage.reply_to(follow_up)).content == "You said: Ada: and now?"
    assert len(stage.model.asked) == 2


async def test_the_bot_remembers_a_channel_until_the_command_forget(stage: ChatStage) -> None:
    await stage.ask("one")
    await stage.ask("two")
    assert stage.last_asked() == [
        ("user", "Ada: someone one"),
        ("assistant", "You said: Ada: someone one"),
        ("user", "Ada: someone two"),
    ]
    assert "people who may manage this server" in await stage.stage.ask("!forget", starts="🔒")
    let_manage(stage.sandbox, stage.ada.id)
    assert "forgotten the 4 messages" in await stage.stage.ask("!forget", starts="🧹")
    assert "don't remember anything" in await stage.stage.ask("!forget", starts="🧹")
    await stage.ask("three")
    assert stage.last_asked() == [("user", "Ada: someone three")]


async def test_private_talk_has_its_own_memory_and_mood(stage: ChatStage) -> None:
    await stage.ask("in public")

    async def dm(text: str, starts: str = "") -> str:
        await stage.ada.dm(text)
        private = stage.ada.dm_channel
        return (await stage.ada.wait_for_message(private, lambda m: m.content.startswith(starts), LIMIT)).content

    assert await dm("hello") == "You said: Ada: hello"
    assert stage.last_asked() == [("user", "Ada: hello")]
    assert await dm("!mood sleepy", "💭") == "💭 Seiyuu is sleepy now."
    assert "Seiyuu is cheerful" in await stage.stage.ask("!mood", starts="💭")
    await dm("and now?")
    assert "mood now: drowsy" in stage.model.asked[-1][0]["content"]
    assert "forgotten the 4" in await dm("!forget", "🧹")


async def test_the_prompt_describes_the_pictures(stage: ChatStage) -> None:
    stage.router.seen = "A cat on a keyboard."
    await stage.ask("look")
    assert stage.last_asked() == [("user", "Ada: someone look [A cat on a keyboard.]")]


async def test_a_fault_of_the_model_is_reported_and_not_remembered(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer(fault=Fault.STATUS_500)
    failed = await stage.ask("one")
    assert failed.content.startswith("❌ The model server at 127.0.0.1")
    stage.model.script = lambda _line: Answer("Half an answer", Fault.HANG_UP)
    broken = await stage.mention("two")
    told = await stage.ada.wait_for_message(
        stage.sandbox.home.general, lambda m: m.reference_id == broken.id and "❌" in m.content, LIMIT
    )
    assert told.content.startswith("Half an answer\n\n❌ ")
    stage.model.script = lambda _line: Answer("Back again.")
    assert (await stage.ask("three")).content == "Back again."
    assert stage.last_asked() == [("user", "Ada: someone three")]


async def test_nobody_is_notified_by_what_the_model_writes(stage: ChatStage) -> None:
    stage.model.script = lambda _line: Answer(f"@everyone <@{stage.ada.id}> <@&{stage.sandbox.guild.id}>")
    answer = await stage.ask("shout")
    assert (answer.mentions, answer.mention_roles, answer.mention_everyone) == ((), (), False)


async def test_managers_choose_the_persona_and_each_has_its_own_prompt_and_moods(stage: ChatStage) -> None:
    listed = "🎭 I am Seiyuu. You can choose from: Seiyuu, Evil Seiyuu, Kobi (`helper`)."
    assert await stage.stage.ask("!persona", starts="🎭") == listed
    assert "people who may manage this server" in await stage.stage.ask("!persona evil_seiyuu", starts="🔒")
    let_manage(stage.sandbox, stage.ada.id)
    assert "Choose one of these: " in await stage.stage.ask("!persona ../../secret", starts="❌")
    assert await stage.stage.ask("!persona evil_seiyuu", starts="🎭") == "🎭 From now on I am Evil Seiyuu, and smug."
    await stage.ask("who are you?")
    assert stage.model.asked[-1][0]["content"].startswith("You are Evil Seiyuu.")
    assert "no mood with that name" in await stage.stage.ask("!mood cheerful", starts="❌")
    names = await stage.ada.suggestions(stage.sandbox.home.general, "persona", "name", "help", timeout=LIMIT)
    assert [(name["name"], name["value"]) for name in names] == [("Kobi (helper)", "helper")]


async def test_a_mistyped_persona_or_mood_gets_a_suggestion(stage: ChatStage) -> None:
    let_manage(stage.sandbox, stage.ada.id)
    for typed, meant in (
        ("!persona seyuu", "Seiyuu"),
        ("!persona evl seiyuu", "Evil Seiyuu"),
        ("!persona evil", "Evil Seiyuu"),
        ("!persona kobbi", "Kobi (`helper`)"),
        ("!persona helpr", "Kobi (`helper`)"),
        ("!mood chearful", "`cheerful`"),
        ("!mood exited", "`excited`"),
    ):
        assert f" Did you mean {meant}? Choose one of these: " in await stage.stage.ask(typed, starts="❌")
    assert "Did you mean" not in await stage.stage.ask("!mood qqqqq", starts="❌")


async def test_a_persona_is_found_by_its_name_and_by_the_name_of_its_file(stage: ChatStage) -> None:
    let_manage(stage.sandbox, stage.ada.id)
    for typed in ("Kobi", "HELPER"):
        became = await stage.stage.ask(f"!persona {typed}", starts="🎭")
        assert became == "🎭 From now on I am Kobi (`helper`), and cheerful."
    assert "🎭 I am Kobi (`helper`). You can choose from: " in await stage.stage.ask("!persona", starts="🎭")


async def test_place_people_and_time_stand_at_the_end_of_the_prompt(stage: ChatStage) -> None:
    general = stage.sandbox.home.general
    ben = await stage.sandbox.add_guest("Ben")
    await stage.ask("hello", ben)
    await stage.ask("what time is it?")
    system = stage.model.asked[-1][0]["content"]
    assert system.endswith(
        f"\n\n## Room\nYou are in the text channel #{general.name} of the server {stage.sandbox.guild.name}.\n"
        "People who wrote here lately: Ben, Ada.\n\n"
        "## Now\nThursday, 26 November 2026, 18:05 (Europe/Berlin)"
    )
    await stage.ada.dm("what day is it?")
    await stage.ada.wait_for_message(stage.ada.dm_channel, lambda m: m.author.bot, LIMIT)
    system = stage.model.asked[-1][0]["content"]
    assert "\n\n## Room\nYou are in a private chat with Ada.\n\n## Now\nThursday, 26 November" in system


async def test_personas_and_moods_are_found_by_any_spelling(stage: ChatStage) -> None:
    let_manage(stage.sandbox, stage.ada.id)
    assert "Evil Seiyuu" in await stage.stage.ask("!persona evil seiyuu", starts="🎭 From")
    assert await stage.stage.ask("!mood Furious", starts="💭") == "💭 Evil Seiyuu is furious now."


async def test_in_an_open_channel_everything_is_answered(stage: ChatStage) -> None:
    assert "who mention me" in await stage.stage.ask("!chat", starts="💬")
    assert "people who may manage this server" in await stage.stage.ask("!chat on", starts="🔒")
    let_manage(stage.sandbox, stage.ada.id)
    assert "every message" in await stage.stage.ask("!chat on", starts="💬")
    talking = await stage.ada.say(stage.sandbox.home.general, "just talking")
    assert (await stage.reply_to(talking)).content == "You said: Ada: just talking"
    assert "who mention me" in await stage.stage.ask("!chat off", starts="💬")


async def test_a_long_answer_comes_as_several_replies(stage: ChatStage) -> None:
    sentences = [f"This is sentence number {number} of a long story." for number in range(100)]
    stage.model.script = lambda _line: Answer(" ".join(sentences))
    question = await stage.mention("tell me a story")
    await stage.ada.wait_for_message(stage.sandbox.home.general, lambda m: "number 99 of" in m.content, LIMIT)
    pages = stage.replies_to(question)
    assert len(pages) > 2
    assert all(page.endswith("story.") and len(page) <= 2000 for page in pages)
    assert " ".join(pages) == " ".join(sentences)


async def test_memory_mood_and_open_channels_survive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Sandbox() as sandbox:
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            let_manage(sandbox, stage.ada.id)
            await stage.stage.ask("!chat on", starts="💬")
            await stage.stage.ask("!mood sleepy", starts="💭")
            await stage.ask("one")
        async with chat_stage(tmp_path, monkeypatch, sandbox=sandbox) as stage:
            question = await stage.ada.say(sandbox.home.general, "two")
            assert (await stage.reply_to(question)).content == "You said: Ada: two"
            assert "mood now: drowsy" in stage.model.asked[0][0]["content"]
            assert [content for _, content in stage.last_asked()] == [
                "Ada: someone one",
                "You said: Ada: someone one",
                "Ada: two",
            ]


async def test_the_oldest_lines_of_a_channel_are_forgotten_first_and_the_model_sees_the_newest(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        memory = ChatMemory(database, kept=4)

        async def exchange(channel: int, asked: str, answered: str) -> None:
            await memory.remember(channel, Turn.of_person("Ada", asked), Turn.of_bot(answered))

        async def known(channel: int, count: int) -> list[str]:
            history = await memory.history(channel, count)
            return [turn.text for turn in history.recent(count, count, MAX_CONTEXT_TOKENS)]

        for number in range(5):
            await exchange(1, f"question {number}", f"answer {number}")
        await exchange(2, "elsewhere", "yes")
        assert await known(1, 100) == ["question 3", "answer 3", "question 4", "answer 4"]
        assert await known(1, 1) == ["answer 4"]
        await exchange(1, "x" * 3 * MAX_CONTEXT_TOKENS, "answer 5")
        assert await known(1, 100) == ["answer 5"]
        assert await memory.forget(1) == 4
        assert len(await known(2, 100)) == 2


async def test_a_message_to_which_the_model_has_nothing_to_say_gets_no_answer(stage: ChatStage) -> None:
    stage.model.script = lambda line: Answer(" <silent>") if "Ben" in line.splitlines()[-1] else Answer("Fine.")
    question = await stage.mention("Ben, are you there?")
    await stage.until(lambda: question.id in stage.router.done)
    assert stage.replies_to(question) == []
    assert (await stage.ask("how are you?")).content == "Fine."
    assert "are you there?" in str(stage.last_asked())
    assert "silent" not in str(stage.last_asked())


async def test_the_mood_that_two_answers_name_is_taken_and_the_mark_of_the_mood_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_stage(tmp_path, monkeypatch, follow_model=True) as stage:
        stage.model.script = lambda line: Answer("[mood: sad] That is a pity." if "sad" in line else "Quite so.")
        assert (await stage.ask("Something sad.")).content == "That is a pity."
        assert "Seiyuu is cheerful" in await stage.stage.ask("!mood", starts="💭")
        assert (await stage.ask("More sad news.")).content == "That is a pity."
        assert "Seiyuu is sad" in await stage.stage.ask("!mood", starts="💭")
        await stage.ask("And now?")
        assert "mood now: downcast" in stage.model.asked[-1][0]["content"]
        assert not any("mood:" in content for _, content in stage.last_asked())
