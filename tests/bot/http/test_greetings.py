"""A person who begins a call in a browser is greeted, if the operator wants that."""

from __future__ import annotations

from pathlib import Path

from bot.voice.browser.people import web_person
from config.sections import AnswerPolicy, CallSettings, Greet
from tests.bot.http.chat_house import ChatHouse, ChatPage, chat_house

SETTINGS = CallSettings(answer_to=AnswerPolicy.ALWAYS, greet=Greet.ALL)


async def answer(page: ChatPage, text: str) -> str:
    """Type a text; returns all that was said so far, once it is answered."""
    await page.send(type="text", text=text)
    await page.wait(lambda: any(f"said: {text}" in each["token"] for each in page.all("llm_token")), text)
    return " ".join(each["token"] for each in page.all("llm_token"))


def look(house: ChatHouse) -> bool:
    """Look who is to be greeted. Returns whether somebody was."""
    house.call._parts.greeter.step()
    return not house.call.conversation.floor_free


async def test_whoever_begins_a_call_is_greeted_by_name_once(tmp_path: Path) -> None:
    async with chat_house(tmp_path, settings=SETTINGS) as house:
        page = await house.open()
        session = (await page.hello())["session"]
        await page.until("audio_end")
        (greeting,) = page.all("llm_token")
        assert "Ada" in greeting["token"]
        page.vanish()
        back = await house.talking(session=session)
        assert not look(house), "whoever comes back has been greeted already"
        assert await answer(back, "Hello") == "Ada said: Hello"


async def test_whoever_takes_the_call_over_is_greeted_too(tmp_path: Path) -> None:
    async with chat_house(tmp_path, settings=SETTINGS) as house:
        page = await house.talking()
        await page.until("audio_end")
        bens = await house.talking(name="Ben")
        await bens.until("audio_end")
        assert "Ben" in bens.all("llm_token")[0]["token"]


async def test_whoever_speaks_first_is_answered_and_not_greeted_afterwards(tmp_path: Path) -> None:
    async with chat_house(tmp_path, settings=SETTINGS) as house:
        page = await house.open()
        await page.send(type="hello", name="Ada", audio={})
        await page.send(type="text", text="What time is it?")
        await page.until("audio_end", reason="done")
        assert not look(house)
        assert await answer(page, "Thanks") == "Ada said: What time is it? Ada said: Thanks"


async def test_programs_and_people_who_opted_out_are_not_greeted(tmp_path: Path) -> None:
    async with chat_house(tmp_path, settings=SETTINGS) as house:
        page = await house.open()
        await page.send(type="hello", audio={})
        await page.until("ready")
        assert not look(house)
        await page.send(type="hangup")
        await house.until_idle()
        await house.consent.opt_out(web_person("Ada"))
        await house.talking()
        assert not look(house)


async def test_nobody_is_greeted_unless_the_operator_wants_it(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        await house.talking()
        assert not look(house)
