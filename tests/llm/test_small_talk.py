from __future__ import annotations

from pathlib import Path

import pytest

from bot.llm.messages import ChatMessage
from bot.llm.model_size import ModelSize
from bot.llm.personas import Persona
from bot.llm.small_talk import SmallTalk, SmallTalkError, load_beginnings

MIKA = Persona(
    name="Mika", description="You like tea.", in_short="calm and kind", moods={"calm": "slow."}, default_mood="calm"
)
TINY, SMALL = ModelSize("m-135m"), ModelSize("m-1.5b")
TALK = (
    ChatMessage("user", "Ann: My dog is called Rex."),
    ChatMessage("assistant", "Good dog."),
    ChatMessage("user", "Bob: I have a cat.\nAnn: What is my dog called?"),
)


@pytest.fixture
async def small_talk() -> SmallTalk:
    talk = SmallTalk(load_beginnings())
    await talk.load()
    return talk


async def test_the_system_prompt_is_short_and_has_name_and_character(small_talk: SmallTalk) -> None:
    system = small_talk.messages(MIKA, TALK, SMALL)[0]
    assert system.role == "system"
    assert "Mika, calm and kind." in system.content
    assert "You are talking with Ann." in system.content
    assert system.content.count(".") == 3
    assert "{" not in system.content


async def test_a_tiny_model_reads_what_people_said_as_one_message(small_talk: SmallTalk) -> None:
    assert small_talk.messages(MIKA, TALK, TINY)[1:] == (
        ChatMessage("user", "Ann: My dog is called Rex.\nBob: I have a cat.\nAnn: What is my dog called?"),
    )


async def test_a_small_one_reads_the_dialogue(small_talk: SmallTalk) -> None:
    assert small_talk.messages(MIKA, TALK, SMALL)[1:] == TALK


async def test_another_language_begins_with_a_greeting_in_it(small_talk: SmallTalk) -> None:
    line = ChatMessage("user", "Ann: Guten Morgen, wie hast du heute geschlafen?")
    messages = small_talk.messages(MIKA, (line,), TINY)
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[1].content == "Hallo Mika, ich bin Ann."
    assert "Deutsch" in messages[0].content
    back = ChatMessage("user", "Ann: And now let us talk in English again, please.")
    assert len(small_talk.messages(MIKA, (back,), TINY)) == 2


async def test_names_may_be_anything(small_talk: SmallTalk) -> None:
    odd = ChatMessage("user", "{bot}%s: Guten Tag, wie geht es dir denn heute so?")
    assert small_talk.messages(MIKA, (odd,), TINY)[-1] == odd


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("en: }", "it is not YAML from line 1 on"),
        ("de: {system: Du bist {bot}.}", "it is not YAML from line 1 on"),
        ("de: {system: Du bist hier.}", "the language 'en' is missing"),
        ("en: {sytem: You are here.}", "en.system is not as it has to be"),
        ("- en", "its content is not as it has to be"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "small_talk.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SmallTalkError) as told:
        load_beginnings(file)
    assert str(told.value) == f"{file} can't be used: {fault}"
    with pytest.raises(SmallTalkError, match="there is no such file"):
        load_beginnings(tmp_path / "none.yaml")
