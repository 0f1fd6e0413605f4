"""Another client takes over a browser call: what the newcomer is told, and what stays with the person before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.browser_farewells import TAKEN_BY
from bot.consent import ListeningConsent
from bot.voice.browser.people import web_person
from bot.voice.dialogue.left_unanswered import LEFT_UNANSWERED
from config.sections import ListeningPolicy
from tests.bot.http.chat_house import Away, SlowVoice, chat_house, said
from tests.timing import wait_until


def held_opt_in(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold ``!optin`` up. The first event is set once it was typed; the second lets it go on."""
    typed, go_on = asyncio.Event(), asyncio.Event()

    async def opt_in(self: ListeningConsent, person: int) -> bool:
        typed.set()
        await go_on.wait()
        return True

    monkeypatch.setattr(ListeningConsent, "opt_in", opt_in)
    return typed, go_on


async def test_whoever_was_away_is_told_who_took_the_call_over_and_does_not_take_it_back_by_reconnecting(
    tmp_path: Path,
) -> None:
    async with chat_house(tmp_path, away=Away()) as house:
        ada = await house.open()
        session = (await ada.hello(name="Ada"))["session"]
        ada.vanish()
        ben = await house.talking(name="Ben")
        for _ in range(2):
            back = await house.open()
            await back.send(type="hello", name="Ada", session=session, audio={})
            await back.noticed("Ben has taken over the call")
            assert await back.closed() == 4001
        assert not ben.socket.closed
        again = await house.talking(name="Ada")
        await ben.noticed("Ada has taken over the call")
        assert await ben.closed() == 4001
        # Cleo takes the call over, and both of Ada's pages are told so.
        await house.talking(name="Cleo")
        await again.noticed("Cleo has taken over the call")
        late = await house.open()
        await late.send(type="hello", name="Ada", session=session, audio={})
        await late.noticed("Cleo has taken over the call")
        assert await late.closed() == 4001


async def test_whoever_takes_the_call_over_is_told_that_the_bot_listens(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        ada = await house.talking(name="Ada")
        await ada.noticed("I listen in your browser.")
        ben = await house.talking(name="Ben")
        await ben.noticed("I listen in your browser.")
        # Ben has been told so already.
        again = await house.talking(name="Ben")
        await house.call.transport.prompts.tell("Now")
        await again.noticed("Now")
        assert [each["text"] for each in again.all("notice")] == ["Now"]


async def test_another_person_in_the_newest_tab_is_called_by_their_own_name(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        await house.talking(name="Ada")
        page = await house.talking(name="Ben")
        await page.send(type="text", text="Hello")
        await page.until("audio_end")
        assert said(house.histories[0]) == [("Ben", "Hello"), ("", "Ben said: Hello")]


async def test_a_person_who_takes_over_the_call_has_consented_too(tmp_path: Path) -> None:
    async with chat_house(tmp_path, listening=ListeningPolicy.OPT_IN) as house:
        await house.talking(name="Ada")
        await house.talking(name="Ben")
        assert house.consent.admits(web_person("Ben"))


async def test_what_somebody_missed_waits_for_them_and_is_not_told_to_whoever_takes_the_call_over(
    tmp_path: Path,
) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        ada = await house.open()
        session = (await ada.hello(name="Ada"))["session"]
        ada.vanish()
        await wait_until(lambda: away.asked == 1)
        await house.call.transport.prompts.tell("Nobody has answered: Where is my diary?")
        ben = await house.talking(name="Ben")
        await house.call.transport.prompts.tell("This is for Ben")
        await ben.noticed("This is for Ben")
        assert not [each for each in ben.got if "diary" in str(each)]
        back = await house.open()
        await back.send(type="hello", name="Ada", session=session, audio={})
        assert await back.closed() == 4001
        assert [each["text"].split()[0] for each in back.all("notice")] == ["Nobody", "👋"]


async def test_a_text_for_a_call_that_has_not_begun_is_not_said_by_whoever_takes_the_call_over(tmp_path: Path) -> None:
    go = asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: SlowVoice(go)) as house:
        ada, ben = await house.open(), await house.open()
        await ada.send(type="hello", name="Ada", audio={})
        await ada.send(type="text", text="!optout")
        await ada.until("state", state="loading", progress=0.5)
        await wait_until(lambda: house.calls._sessions[0].early)
        await ben.send(type="hello", name="Ben", audio={})
        assert await ada.closed() == 4001
        assert [each["text"] for each in ada.all("notice")] == [LEFT_UNANSWERED, TAKEN_BY.format(name="Ben")]
        go.set()
        await ben.until("ready")
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert house.consent.admits(web_person("Ben"))


async def test_texts_that_wait_for_a_command_from_before_the_call_are_not_said_by_whoever_takes_the_call_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asked, answer), go = held_opt_in(monkeypatch), asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: SlowVoice(go)) as house:
        ada = await house.open()
        await ada.send(type="hello", name="Ada", audio={})
        await ada.send(type="text", text="!optin")
        await ada.send(type="text", text="!optout")
        await wait_until(lambda: len(house.calls._sessions[0].early) == 2 if house.calls._sessions else False)
        go.set()
        await asked.wait()
        ben = await house.talking(name="Ben")
        assert await ada.closed() == 4001
        assert LEFT_UNANSWERED in [each["text"] for each in ada.all("notice")]
        answer.set()
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert house.consent.admits(web_person("Ben"))


async def test_the_answer_to_a_command_is_only_for_the_person_who_has_typed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = held_opt_in(monkeypatch)
    async with chat_house(tmp_path) as house:
        ada = await house.talking(name="Ada")
        await ada.send(type="text", text="!optin")
        await asked.wait()
        ben = await house.talking(name="Ben")
        go.set()
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert not [each for each in ben.all("notice") if "I listen to you" in each["text"]]
