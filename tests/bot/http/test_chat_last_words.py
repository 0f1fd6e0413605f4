"""What the page and programs learn of texts without an answer: the call has ended, or the person is ignored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.browser_farewells import KEPT_SECONDS, MissedNotices
from bot.browser_texts import IGNORED
from bot.user_error import UserError
from bot.voice.browser.people import BrowserPeople, web_person
from bot.voice.browser.server_messages import Notice
from bot.voice.browser.transport import MAX_MISSED
from bot.voice.call import Call
from bot.voice.dialogue.left_unanswered import LEFT_UNANSWERED, SEVERAL_LEFT
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.transport import EndCause
from tests.bot.http.chat_house import Away, ChatHouse, chat_house
from tests.bot.http.realtime.test_hostile import connected
from tests.timing import wait_until
from tests.voice.browser.clients import MemoryClient
from tests.voice.doubles import HummingSpeech, RepeatingResponder, ThinkingMind


async def ask(house: ChatHouse, *texts: str) -> None:
    (page,) = house.pages
    for text in texts:
        await page.send(type="text", text=text)
    await wait_until(lambda: house.call.conversation.answering)
    await wait_until(lambda: house.call.conversation.waiting == len(texts) - 1)


@pytest.mark.parametrize("end", ["hang up", "!leave", "from elsewhere", "fault"])
async def test_whoever_has_typed_on_the_page_is_told_that_the_call_has_ended_without_an_answer(
    tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mind = RepeatingResponder() if end == "fault" else ThinkingMind()
    async with chat_house(tmp_path, mind=mind) as house:
        page = await house.talking()
        if end == "fault":
            # The next piece of sound breaks the conversation, before anything is heard.
            monkeypatch.setattr(ReplyPlayback, "wait_for_room", None)
            await page.send(type="text", text="What is a frog?")
        else:
            await ask(house, "What is a frog?", "And a toad?")
        match end:
            case "hang up":
                await page.send(type="hangup")
            case "!leave":
                await page.send(type="text", text="!leave")
            case "from elsewhere":
                await house.manager.end(EndCause.COMMAND)
        expected = LEFT_UNANSWERED if end == "fault" else SEVERAL_LEFT.format(count=2)
        await page.until("notice", text=expected)
        await house.until_idle()
        assert len([each for each in page.all("notice") if each["text"].startswith("🎤")]) == 1


@pytest.mark.parametrize(
    ("said", "cause"),
    [({"type": "hangup"}, EndCause.HUNG_UP), ({"type": "text", "text": "!leave"}, EndCause.COMMAND)],
    ids=["hang up", "!leave"],
)
async def test_the_cause_of_the_end_tells_a_pressed_button_from_a_typed_command(
    tmp_path: Path, said: dict[str, str], cause: EndCause, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_house(tmp_path) as house:
        page, causes, ended = await house.talking(), list[EndCause](), house.calls.ended

        async def note(call: Call[Any], cause: EndCause) -> None:
            causes.append(cause)
            await ended(call, cause)

        monkeypatch.setattr(house.calls, "ended", note)
        await page.send(**said)
        await house.until_idle()
        assert causes == [cause]


async def test_whoever_has_heard_the_answer_is_told_nothing(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        await page.send(type="text", text="What is a frog?")
        await page.until("audio_end", reply="r1", reason="done")
        await page.send(type="hangup")
        await page.wait(lambda: page.got[-1] == {"type": "state", "state": "idle"}, "the end")
        assert not [each for each in page.all("notice") if each["text"].startswith("🎤")]


async def given_up_call(house: ChatHouse, away: Away) -> str:
    """Ada asks something, and her page stays away until the call is given up. Returns the id of the session."""
    page = await house.open()
    session = (await page.hello())["session"]
    assert isinstance(session, str)
    await ask(house, "What is a frog?")
    await page.end()
    await wait_until(lambda: away.asked == 1)
    away.pass_by()
    await house.until_idle()
    return session


async def test_a_page_that_comes_back_after_its_call_was_given_up_learns_which_texts_have_no_answer(
    tmp_path: Path,
) -> None:
    away = Away()
    async with chat_house(tmp_path, mind=ThinkingMind(), away=away) as house:
        session = await given_up_call(house, away)
        for told in (1, 0):
            late = await house.open()
            await late.send(type="hello", session=session)
            await late.until("error", code="no_call")
            assert len(late.all("notice", text=LEFT_UNANSWERED)) == told, "only the first page that comes back is told"


@pytest.mark.parametrize("end", ["opt out", "erase"])
async def test_nothing_waits_for_a_person_who_opts_out_or_erases_what_is_stored(tmp_path: Path, end: str) -> None:
    away = Away()
    async with chat_house(tmp_path, mind=ThinkingMind(), away=away) as house:
        session = await given_up_call(house, away)
        await (house.consent.opt_out if end == "opt out" else house.consent.forget)(web_person("Ada"))
        late = await house.open()
        await late.send(type="hello", session=session)
        await late.until("error", code="no_call")
        assert late.all("notice") == []


@pytest.mark.parametrize(("away", "told"), [(KEPT_SECONDS - 1, 1), (KEPT_SECONDS + 1, 0)])
def test_what_had_no_answer_is_not_told_after_a_day_any_more(away: float, told: int) -> None:
    now, client = 0.0, MemoryClient()
    missed = MissedNotices(lambda: now)
    missed.keep("s1", [Notice(LEFT_UNANSWERED)], frozenset((1,)))
    now = away
    missed.tell(client, "s1")
    assert client.got == [Notice(LEFT_UNANSWERED)] * told


def test_of_many_notices_that_one_client_missed_in_several_calls_the_newest_are_told() -> None:
    client, missed = MemoryClient(), MissedNotices()
    notices = [Notice(str(number)) for number in range(MAX_MISSED + 5)]
    for notice in notices:
        missed.keep("s1", [notice], frozenset((1,)))
    missed.tell(client, "s1")
    assert client.got == notices[5:]


class DeadVoice(HummingSpeech):
    """A speech server that can't be reached. The bot finds that out as soon as ``found`` is set."""

    def __init__(self, found: asyncio.Event) -> None:
        super().__init__()
        self._found = found

    async def open(self) -> None:
        await self._found.wait()
        raise UserError("❌ The voice is away. Start it.")


async def test_texts_that_were_typed_before_a_call_that_can_not_begin_are_reported_as_unanswered(
    tmp_path: Path,
) -> None:
    found = asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: DeadVoice(found)) as house:
        page = await house.open()
        await page.send(type="hello", audio={})
        await page.send(type="text", text="What is a frog?")
        await wait_until(lambda: house.calls._sessions and house.calls._sessions[0].early)
        found.set()
        await page.until("error", code="call_failed")
        assert page.all("notice", text=LEFT_UNANSWERED)


async def test_a_text_that_comes_when_the_call_is_over_is_reported_as_unanswered(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        house.call.conversation.end(spoken_too=True)
        await page.send(type="text", text="What is a frog?")
        await page.until("notice", text=LEFT_UNANSWERED)


async def test_whoever_is_ignored_is_told_so_when_they_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrowserPeople, "may_talk", lambda *_: False)
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        await page.send(type="text", text="What is a frog?")
        await page.until("error", code="not_answered", message=IGNORED)
        await page.send(type="text", text="!stop")
        await page.noticed("I'm not saying anything")


async def test_a_program_is_told_of_unanswered_texts_before_its_socket_is_closed(tmp_path: Path) -> None:
    async with chat_house(tmp_path, mind=ThinkingMind()) as house, connected(house) as client:
        for text in ("What is a frog?", "And a toad?"):
            content = [{"type": "input_text", "text": text}]
            await client.send(
                type="conversation.item.create", item={"type": "message", "role": "user", "content": content}
            )
            await client.send(type="response.create")
        await wait_until(lambda: house.call.conversation.waiting == 1)
        await house.manager.end(EndCause.COMMAND)
        error = (await client.until("error"))["error"]
        assert (error["code"], error["message"]) == ("notice", SEVERAL_LEFT.format(count=2).removeprefix("🎤 "))
        await client.closed()
