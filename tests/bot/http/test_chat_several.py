"""Several calls in browsers at once: each has its own people, words and sound, and a new tab takes over only its
person's call.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.call_elsewhere import CALLS_ON
from tests.bot.http.chat_house import Away, chat_house, said
from tests.timing import wait_until


async def test_two_people_talk_at_once_and_each_has_their_own_words(tmp_path: Path) -> None:
    async with chat_house(tmp_path, max_calls=2) as house:
        ada, ben = await house.talking(name="Ada"), await house.talking(name="Ben")
        assert house.feature.held
        await asyncio.gather(ada.send(type="text", text="Apples"), ben.send(type="text", text="Pears"))
        for page in (ada, ben):
            await page.until("audio_end", reason="done")
        own = {"Ada": "Ada said: Apples", "Ben": "Ben said: Pears"}
        assert sorted(map(said, house.histories)) == [
            [("Ada", "Apples"), ("", own["Ada"])],
            [("Ben", "Pears"), ("", own["Ben"])],
        ]
        for page, name in ((ada, "Ada"), (ben, "Ben")):
            tokens = "".join(message["token"] for message in page.all("llm_token"))
            assert tokens.strip() == own[name]
            assert page.sound
        await ada.send(type="hangup")
        async with asyncio.timeout(10):
            while len(house.manager.occupants) > 1:
                await asyncio.sleep(0.005)
        assert house.feature.held, "Ben's call goes on"
        await ben.send(type="text", text="Plums")
        await ben.count("audio_end", 2)
        await ben.send(type="hangup")
        await house.until_idle()


async def test_another_tab_of_a_person_takes_their_own_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path, max_calls=3) as house:
        ada, ben = await house.talking(name="Ada"), await house.talking(name="Ben")
        again = await house.talking(name="ada")
        assert await ada.closed() == 4001
        assert not ben.socket.closed
        assert len(house.histories) == 2
        # A program without a name has a call of its own.
        await house.talking(name="")
        assert len(house.manager.calls) == 3
        session = again.all("ready")[0]["session"]
        back = await house.open()
        assert (await back.hello(name="Eve", session=session))["session"] == session
        assert await again.closed() == 4001, "whoever knows the session goes on with its call"


async def test_one_person_too_many_learns_how_many_calls_are_on(tmp_path: Path) -> None:
    async with chat_house(tmp_path, max_calls=2) as house:
        ada, _ = await house.talking(name="Ada"), await house.talking(name="Ben")
        third = await house.open()
        await third.send(type="hello", name="Eve", audio={})
        assert (await third.until("error", code="call_elsewhere"))["message"] == CALLS_ON.format(count=2)
        assert await third.closed() == 4002
        await ada.send(type="hangup")
        async with asyncio.timeout(10):
            while house.manager.full:
                await asyncio.sleep(0.005)
        await house.talking(name="Eve")


async def test_the_commands_volume_and_leave_change_only_the_own_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path, max_calls=2) as house:
        ada, ben = await house.talking(name="Ada"), await house.talking(name="Ben")
        await ada.send(type="text", text="!volume 50")
        await ada.noticed("50 %")
        volumes = {call.transport.people.names()[0]: call.volume for call in house.calls.calls}
        assert volumes == {"Ada": 0.5, "Ben": 1.0}
        await ada.send(type="text", text="!leave")
        await ada.noticed("hang up")
        async with asyncio.timeout(10):
            while len(house.calls.calls) > 1:
                await asyncio.sleep(0.005)
        await ben.send(type="text", text="Still there?")
        await ben.until("audio_end", reason="done")


async def test_a_client_that_comes_back_is_told_its_call_but_nobody_else_is(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        ada = await house.talking(name="Ada")
        told = ada.all("ready")[0]["call"]
        assert told == house.call.id
        reloaded = await house.open()
        assert (await reloaded.hello(name="Ada", session=ada.all("ready")[0]["session"]))["call"] == told
        other_tab = await house.talking(name="ada")
        assert other_tab.all("ready")[0]["call"] == told
        ben = await house.talking(name="Ben")
        assert "call" not in ben.all("ready")[0]
        again = await house.talking(name="Ada")
        assert "call" not in again.all("ready")[0], "Ben may have talked meanwhile"


async def test_a_tab_that_goes_over_to_another_call_leaves_its_own(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, max_calls=2, away=away) as house:
        one, other = await house.open(), await house.open()
        left = (await one.hello(name="Ada"))["session"]
        session = (await other.hello(name="Ben"))["session"]
        other.vanish()
        await wait_until(lambda: away.asked == 1)
        await one.send(type="hello", name="Ben", session=session, audio={})
        await one.until("ready", session=session)
        await wait_until(lambda: away.asked == 2)
        await one.send(type="text", text="Hello")
        await one.until("audio_end", reason="done")
        assert [said(history) for history in house.histories] == [[], [("Ben", "Hello"), ("", "Ben said: Hello")]]
        back = await house.open()
        assert (await back.hello(name="Ada", session=left))["session"] == left


async def test_without_a_name_only_the_session_shows_that_it_is_the_same_person(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        guest = await house.talking(name="")
        first = guest.all("ready")[0]
        reloaded = await house.open()
        assert (await reloaded.hello(name="", session=first["session"]))["call"] == first["call"]
        other = await house.talking(name="")
        assert "call" not in other.all("ready")[0]
