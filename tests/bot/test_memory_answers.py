"""What people say about the memory in a call: what is understood in each language, and what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.llm.history import Turn
from bot.lone_people import passing_person
from bot.memory.records import Fact
from bot.memory_answers import MemoryAnswers
from bot.tools.tool import Asker
from bot.voice.memory_requests import MemoryAnswer, MemoryRequest
from bot.voice.phone.people import PHONE_PLACE
from bot.voice.utterances.memory_words import MAX_CHARACTERS, MemoryWords
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import VoiceCommand
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import MemoryPolicy
from tests.bot.memory.brain import ADA, BEN, CLEO, HOME, Brain, asker, brain
from tests.bot.memory.brain import NAMES as PEOPLE

CHANNEL = 107
NAMES = Names(["Seiyuu", "セイユー", "清羽"])


@pytest.fixture(scope="module")
def words() -> MemoryWords:
    return load_word_lists().memory


@dataclass
class Buttons:
    """Answers questions, and keeps whom it asked."""

    answer: bool | None = None
    asked: list[int | None] = field(default_factory=list)

    def can_ask(self, asker: Asker) -> bool:
        return True

    async def ask(self, asker: Asker, call: str) -> bool | None:
        self.asked.append(asker.person)
        return self.answer


@dataclass
class Desk:
    """A call in which people say something about the memory, on the home server or another one.

    Attributes:
        kept: whether anything of the people may be stored.
        remembers: whether the persona has a memory.
        said: what the bot has said before its answers.
    """

    mind: Brain
    words: MemoryWords
    buttons: Buttons = field(default_factory=Buttons)
    kept: bool = True
    remembers: bool = True
    said: list[str] = field(default_factory=list)

    async def ask(
        self,
        text: str,
        person: int = ADA,
        *,
        present: Sequence[int] = (ADA, BEN),
        exchange: Sequence[Turn] = (),
        told: str = "",
        server: int = HOME,
    ) -> MemoryAnswer:
        found = self.words.find(text, NAMES)
        assert found is not None
        answers = MemoryAnswers(
            self.mind.memory,
            self.mind.conversations.writer,
            self.words,
            lambda: self.buttons,
            lambda server, person: self.kept,
            lambda place: self.remembers,
            "!",
            clock=lambda: self.mind.now,
        )
        request = MemoryRequest(
            found.command,
            person,
            "Ada",
            told or found.choice,
            found.language,
            exchange,
            {each: PEOPLE.get(each, "Caller") for each in present},
        )
        return await answers.at(server, CHANNEL).carry_out(request, self.said.append)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Seiyuu, please remember that my sister is called Mira.", "my sister is called Mira"),
        ("Merk dir, dass meine Schwester Mira heißt!", "meine Schwester Mira heißt"),
        ("Souviens-toi que ma sœur s'appelle Mira", "ma sœur s'appelle Mira"),
        ("Recuerda que mi hermana se llama Mira", "mi hermana se llama Mira"),
        ("Ricordati che mia sorella si chiama Mira", "mia sorella si chiama Mira"),
        ("Lembra que a minha irmã se chama Mira", "a minha irmã se chama Mira"),
        ("Onthoud dat mijn zus Mira heet", "mijn zus Mira heet"),
        ("Zapamiętaj, że moja siostra ma na imię Mira", "moja siostra ma na imię Mira"),
        ("Запомни, что мою сестру зовут Мира", "мою сестру зовут Мира"),
        ("Unutma ki kız kardeşimin adı Mira", "kız kardeşimin adı Mira"),
        ("セイユー、妹の名前はミラだと覚えておいて", "妹の名前はミラだ"),
        ("내 여동생 이름은 미라라고 기억해 줘", "내 여동생 이름은 미라"),
        ("清羽，请记住我妹妹叫米拉。", "我妹妹叫米拉"),
    ],
)
def test_a_sentence_is_kept_exactly_as_it_was_said_in_each_language(words: MemoryWords, text: str, kept: str) -> None:
    found = words.find(text, NAMES)
    assert found is not None
    assert (found.command, found.choice) == (VoiceCommand.REMEMBER, kept)


def test_every_phrase_of_each_language_is_understood_and_other_talk_is_not(words: MemoryWords) -> None:
    assert len(words.languages) == 13
    for lines in words.languages.values():
        for phrases, command in (
            (lines.forget_that, VoiceCommand.FORGET_THAT),
            (lines.forget_me, VoiceCommand.FORGET_ME),
            (lines.what_you_know, VoiceCommand.WHAT_YOU_KNOW),
        ):
            for phrase in phrases:
                found = words.find(f"Seiyuu, {phrase}!", NAMES)
                assert found is not None, phrase
                assert found.command is command, phrase
    for talk in (
        "I remember that he lied",
        "Do you remember that movie?",
        "forget it",
        "Don't forget the milk",
        "What?",
    ):
        assert words.find(talk, NAMES) is None, talk
    assert words.find("remember that " + "x" * MAX_CHARACTERS, NAMES) is None


async def test_what_is_noted_is_known_to_those_who_heard_it_and_not_said_while_others_listen(
    tmp_path: Path, words: MemoryWords
) -> None:
    async with brain(tmp_path, policy=MemoryPolicy.ASK) as mind:
        desk = Desk(mind, words)
        assert (await desk.ask("Remember that my sister is called Mira")).text == "I'll remember that."
        assert "Mira" in await mind.recalled(BEN, "What is Ada's sister called?")
        assert await mind.recalled(CLEO, "What is Ada's sister called?") == ""
        known = "What do you know about me?"
        assert (await desk.ask(known)).text == "You told me: my sister is called Mira."
        assert (await desk.ask(known, present=(ADA, BEN, CLEO))).text == (
            "I remember nothing about you that I could say here. !memory shows you more."
        ), "Cleo has not heard it"
        await desk.ask("Remember that my sister is called Lena")
        assert (await desk.ask(known)).text == "You told me: my sister is called Lena."

        last = [Turn.of_person("Ada", "I play chess", ADA), Turn.of_bot("Nice.")]
        await desk.ask("Remember that", exchange=last)
        assert "I play chess" in (await desk.ask(known)).text
        assert (await desk.ask("Remember that")).text.startswith("Remember what?")
        assert (await desk.ask("Was weißt du über mich?")).text.startswith("Du hast mir gesagt: I play chess")


async def test_the_request_forget_that_deletes_the_last_words_and_the_facts_in_them_from_the_disk_too(
    tmp_path: Path, words: MemoryWords
) -> None:
    async with brain(tmp_path) as mind:
        desk = Desk(mind, words)
        await mind.learn("sister is called Zephyrine", "My sister is called Zephyrine.", heard=[BEN])
        await mind.learn("plays chess", "I play chess.")
        await mind.written(ADA, "What is my sister called?", "She is called Zephyrine.")
        last = [Turn.of_person("Ada", "What is my sister called?", ADA), Turn.of_bot("She is called Zephyrine.")]
        assert (await desk.ask("Forget that", exchange=last)).text == "I've forgotten it."
        assert b"Zephyrine" not in mind.bytes_of_all_files()
        assert b"What is my sister called" not in mind.bytes_of_all_files()
        assert [fact.text for fact in await mind.memory.mine(asker(ADA))] == ["plays chess"]
        await desk.ask("Forget that", told="You told me: plays chess.", exchange=last)
        assert await mind.memory.mine(asker(ADA)) == []
        assert (await desk.ask("Forget that")).text == "There is nothing that I could forget."


async def test_everything_is_forgotten_only_after_a_yes_of_the_person(tmp_path: Path, words: MemoryWords) -> None:
    async with brain(tmp_path) as mind:
        desk = Desk(mind, words)
        await mind.learn("plays chess", "I play chess.")
        for answer in (None, False):
            desk.buttons.answer = answer
            assert (await desk.ask("Forget what you know about me")).text == "Then I keep it."
        assert desk.buttons.asked == [ADA, ADA]
        assert desk.said[0].startswith("Shall I forget everything")
        assert len(await mind.memory.export(ADA)) == 1
        desk.buttons.answer = True
        told = await desk.ask("Forget what you know about me")
        assert (told.text, told.forget) == ("I've forgotten everything about you.", True)
        assert await mind.memory.export(ADA) == []


async def test_nothing_is_noted_of_somebody_who_opts_out_at_the_same_moment(
    tmp_path: Path, words: MemoryWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with brain(tmp_path) as mind:
        desk, leaving = Desk(mind, words), list[asyncio.Task[int]]()
        look = mind.memory.facts.current_about

        async def opt_out_meanwhile(server: int | None, person: int | None, name: str) -> list[Fact]:
            desk.kept = False
            leaving.append(asyncio.create_task(mind.memory.forget_all(ADA)))
            while not leaving[0].done() and not mind.memory.gate._passing._waiters:
                await asyncio.sleep(0)
            return await look(server, person, name)

        monkeypatch.setattr(mind.memory.facts, "current_about", opt_out_meanwhile)
        await desk.ask("Remember that my sister is called Mira")
        await leaving[0]
        assert await mind.memory.export(ADA) == []


async def test_whoever_calls_without_a_number_hears_that_nothing_is_remembered(
    tmp_path: Path, words: MemoryWords
) -> None:
    async with brain(tmp_path) as mind:
        caller = passing_person()
        told = await Desk(mind, words).ask("Remember that I play chess", caller, present=[caller])
        assert told.text == "I can't remember people who withhold their number, since I would not know you again."
        assert await mind.memory.search("chess") == []


def test_callers_hear_of_no_command_in_any_language(words: MemoryWords) -> None:
    for language, lines in words.languages.items():
        for line in (lines.on_phone.nothing, lines.on_phone.more, lines.on_phone.refused):
            assert "{command}" not in line, language
        assert "{count}" in lines.on_phone.more, language


async def test_callers_hear_of_no_command(tmp_path: Path, words: MemoryWords) -> None:
    async with brain(tmp_path) as mind:
        desk, known = Desk(mind, words), "What do you know about me?"

        async def call(text: str) -> str:
            return (await desk.ask(text, present=[ADA], server=PHONE_PLACE)).text

        assert await call(known) == "I remember nothing about you."
        for number in ("one", "two", "three", "four"):
            assert await call(f"Remember that my cat number {number} is grey") == "I'll remember that."
        assert (await call(known)).endswith(" That is not all: I remember 4 things about you.")
        assert await call("Was weißt du über mich?") != await call(known)
        await mind.memory.set_choice(ADA, False)
        assert await call("Remember that I play chess") == "You said that I may not remember you."


async def test_nothing_is_noted_of_people_who_do_not_want_it(tmp_path: Path, words: MemoryWords) -> None:
    async with brain(tmp_path) as mind:
        await mind.memory.set_choice(ADA, False)
        desk = Desk(mind, words)
        refused = "You said that I may not remember you. !memory changes that."
        assert (await desk.ask("Remember that I play chess")).text == refused
        desk.kept = False
        assert (await desk.ask("Remember that I play chess", BEN)).text == refused
        desk.kept, desk.remembers = True, False
        assert (await desk.ask("Remember that I play chess", BEN)).text == "My memory is switched off."
        assert await mind.memory.search("chess") == []
