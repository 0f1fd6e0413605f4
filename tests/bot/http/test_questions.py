"""The question in a browser call whether a tool may run: it has buttons on the page, or is asked in words. Answers that
nobody asked for change nothing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.browser_questions import BrowserQuestions
from bot.llm.history import Turn
from bot.tools.confirmation import READING_SECONDS, Confirmations, NoButtons
from bot.tools.registry import ToolRegistry, ToolUsers
from bot.tools.tool import Asker, Effect
from bot.tools.tools_file import ToolRules, ToolsFile
from bot.tools.yes_no_words import YesNoWords
from bot.voice.browser.people import web_person
from bot.voice.events import UtteranceHeard
from tests.bot.http.chat_house import ChatHouse, ChatPage, chat_house
from tests.timing import Clock, settle
from tests.tools.made_tools import MadeTool, call

ADA = web_person("Ada")


class Notes:
    """A tool that deletes notes. The bot asks before the tool runs. :meth:`delete` begins a turn that uses the tool."""

    def __init__(self, house: ChatHouse) -> None:
        self.tool = MadeTool("delete_note", effect=Effect.CHANGES)
        self.registry = ToolRegistry(
            ToolsFile(rules=ToolRules(ask=frozenset({"delete_note"}))), YesNoWords(), [self.tool]
        )
        self.registry.users = ToolUsers(confirmation=Confirmations(NoButtons(), house.calls.questions))

    def delete(self, title: str = "shopping", person: int | None = ADA) -> asyncio.Task[str]:
        turn = self.registry.at(0, 0).for_turn(Turn("user", "Ada", "delete my note", person=person))
        return asyncio.create_task(turn.run(call("delete_note", title=title)))


async def asked(page: ChatPage, count: int = 1) -> dict[str, Any]:
    await page.count("question", count)
    return page.all("question")[-1]


async def answer(page: ChatPage, question: object, allow: object) -> None:
    await page.send(type="answer", question=question, allow=allow)


@pytest.mark.parametrize(("allow", "result"), [(True, "done"), (False, "Ada said no")])
async def test_a_button_on_the_page_decides(tmp_path: Path, allow: bool, result: str) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.talking(questions=True), Notes(house)
        deleting = notes.delete()
        question = await asked(page)
        assert question["text"] == 'delete_note {"title": "shopping"}'
        assert notes.tool.runs == []
        await answer(page, question["question"], allow)
        assert result in await deleting
        assert len(notes.tool.runs) == allow
        await page.until("question_over", question=question["question"])
        assert not page.all("error")


async def test_two_questions_at_once_have_an_answer_each(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.talking(questions=True), Notes(house)
        first = notes.delete("a")
        one = await asked(page)
        second = notes.delete("b")
        other = await asked(page, 2)
        await answer(page, other["question"], True)
        assert await second == "done"
        await answer(page, one["question"], False)
        assert "said no" in await first
        assert [run["title"] for run in notes.tool.runs] == ["b"]


@pytest.mark.parametrize(("words", "result"), [("Yes, please.", "done"), ("No", "Ada said no")])
async def test_a_typed_answer_decides_too_and_is_no_new_question(tmp_path: Path, words: str, result: str) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.talking(questions=True), Notes(house)
        deleting = notes.delete()
        await asked(page)
        await page.send(type="text", text=words)
        assert result in await deleting
        assert not page.all("state", state="thinking")


async def test_a_yes_aloud_counts_only_after_the_question_could_be_read(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, clock = await house.talking(questions=True), Clock()
        questions = BrowserQuestions(lambda: house.calls.calls, YesNoWords(), clock=clock)
        asking = asyncio.create_task(questions.ask(Asker(ADA, "Ada", "", 0, 0), "delete"))
        await asked(page)
        yes = UtteranceHeard(person=ADA, author="Ada", text="Yes.", addressed=True, call=house.call.id)
        questions.listen(yes)
        clock.pass_by(READING_SECONDS)
        questions.listen(UtteranceHeard(person=web_person("Ben"), author="Ben", text="Yes.", addressed=True))
        await settle()
        assert not asking.done(), "the first yes came too soon, and the second from somebody else"
        questions.listen(yes)
        assert await asking is True


async def test_a_question_without_an_answer_in_time_is_shown_as_over(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking(questions=True)
        questions = BrowserQuestions(lambda: house.calls.calls, YesNoWords(), seconds=0.01)
        assert await questions.ask(Asker(ADA, "Ada", "", 0, 0), "delete") is None
        await page.until("question_over", question=(await asked(page))["question"])


async def test_a_client_that_knows_nothing_of_questions_is_asked_in_words(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.talking(), Notes(house)
        assert "ask whether you should" in await notes.delete()
        turn = notes.registry.at(0, 0).for_turn(Turn("user", "Ada", "Yes.", person=ADA))
        assert await turn.run(call("delete_note", title="shopping")) == "done"
        assert not page.all("question")


async def test_programs_and_other_people_are_not_asked_on_the_page(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking(questions=True)
        can_ask = house.calls.questions.can_ask
        assert can_ask(Asker(ADA, "Ada", "", 0, 0))
        for other in (
            Asker(ADA, "Ada", "", 0, None),
            Asker(web_person("Ben"), "Ben", "", 0, 0),
            Asker(None, "a program", "", 0, 0),
            Asker(ADA, "Ada", "", 100, 0),
        ):
            assert not can_ask(other), other
            assert await house.calls.questions.ask(other, "delete") is None
        await page.send(type="hangup")
        await house.until_idle()
        assert not can_ask(Asker(ADA, "Ada", "", 0, 0))


async def test_an_answer_that_nobody_asked_for_is_an_error_in_words(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.open(), Notes(house)
        await answer(page, "q1", True)
        await page.until("error", code="no_call")
        await page.hello(questions=True)
        await answer(page, "q1", True)
        assert "is over" in (await page.until("error", code="no_question"))["message"]
        deleting = notes.delete()
        question = (await asked(page))["question"]
        wrong: Any
        for wrong in (None, 1, "", "x" * 5_000, [], {}):
            await answer(page, wrong, True)
            await answer(page, question, wrong)
        await page.count("error", 12, code="bad_parameter")
        assert not deleting.done()
        await answer(page, question, False)
        await answer(page, question, True)
        assert "said no" in await deleting
        await page.count("error", 2, code="no_question")
        assert notes.tool.runs == []


async def test_nobody_answers_for_somebody_else(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.talking(questions=True), Notes(house)
        deleting = notes.delete()
        question = (await asked(page))["question"]
        bens = await house.talking(name="Ben", questions=True)
        await answer(bens, question, True)
        assert "Only Ada can answer that" in (await bens.until("error", code="not_asked"))["message"]
        assert not bens.all("question"), "the question is not shown again to somebody else"
        await bens.send(type="text", text="yes")
        await bens.until("audio_end")
        assert not deleting.done()
        deleting.cancel()


async def test_a_question_is_shown_again_to_a_page_that_comes_back(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        session = (await page.hello(questions=True))["session"]
        notes = Notes(house)
        deleting = notes.delete()
        question = (await asked(page))["question"]
        page.vanish()
        back = await house.open()
        await back.hello(questions=True, session=session)
        assert (await asked(back))["question"] == question
        await answer(back, question, True)
        assert await deleting == "done"


async def test_an_interruption_ends_the_question(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, notes = await house.talking(questions=True), Notes(house)
        deleting = notes.delete()
        question = (await asked(page))["question"]
        deleting.cancel()
        await page.until("question_over", question=question)
        await answer(page, question, True)
        await page.until("error", code="no_question")
        assert notes.tool.runs == []
