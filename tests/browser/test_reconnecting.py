"""Tests that a broken connection comes back with its session, and that the page says when it gives a server up."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.chat_server import noise
from tests.browser.conftest import Tab
from tests.timing import wait_until

pytestmark = pytest.mark.browser


async def test_a_broken_connection_comes_back_with_its_session(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await tab.at("mute").click()
    await client.got("mute", 2)
    client.cut()
    await expect(tab.at("warning")).to_contain_text("The connection is lost")
    again = await tab.server.client(2)
    assert (await again.got("hello"))["session"] == "session-1"
    await again.ready()
    assert (await again.got("mute"))["on"] is True
    await expect(tab.at("talk")).to_have_text("Muted")
    await expect(tab.at("warning")).to_be_hidden()
    await again.begin("r1", "I am back.")
    await again.play(noise(0.3))
    await again.end("r1")
    await wait_until(lambda: again.all("played"))


async def test_a_server_that_stays_away_is_given_up_and_the_microphone_freed(tab: Tab) -> None:
    await tab.at("talk").click()
    await tab.server.call()
    await tab.page.clock.install()
    await tab.server.stop()
    await expect(tab.at("talk")).to_have_text("Trying again…")
    for _ in range(8):
        await tab.page.clock.run_for(5_000)
    await expect(tab.at("warning")).to_contain_text("Seiyuu does not answer")
    await expect(tab.at("warning")).to_contain_text("make run")
    await expect(tab.at("talk")).to_have_text("Start talking")
    assert await tab.page.evaluate("testMicrophone.tracks[0].readyState") == "ended"
    # The browser itself writes that nobody answers.
    assert [error for error in tab.errors if "WebSocket" not in error] == []
    tab.errors.clear()


async def test_a_page_that_is_reloaded_goes_on_with_its_session(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await expect(tab.at("talk")).to_have_text("Listening")
    await tab.page.reload()
    await wait_until(lambda: client.over)
    await tab.at("talk").click()
    assert (await (await tab.server.client(2)).got("hello"))["session"] == "session-1"


async def test_after_hanging_up_a_new_session_begins(tab: Tab) -> None:
    await tab.at("talk").click()
    await tab.server.call()
    await tab.at("hangup").click()
    await tab.at("talk").click()
    assert "session" not in await (await tab.server.client(2)).got("hello")


async def test_a_page_that_is_reloaded_shows_what_was_said_in_the_call_once(tab: Tab) -> None:
    tab.server.turns["call-1"] = [
        {"number": 1, "who": "Ada", "bot": False, "text": "What time is it?", "at": 1.0, "interrupted": False},
        {"number": 2, "who": "Seiyuu", "bot": True, "text": "<b>Four", "at": 2.0, "interrupted": True},
    ]
    await tab.at("talk").click()
    first = await tab.server.client()
    await first.ready(call="call-2")
    await expect(tab.at("talk")).to_have_text("Listening")
    await expect(tab.at("captions").locator(".line")).to_have_count(0)
    await tab.page.reload()
    await tab.at("talk").click()
    again = await tab.server.client(2)
    await again.got("hello")
    # A reply goes on: its words so far were told to the page that is gone.
    await again.send(type="audio_response", reply="r2", segment=1, text="Time for tea.", quality="fast")
    await again.ready(call="call-1", state="speaking")
    await expect(tab.at("reply")).to_have_text("Time for tea.")
    await again.end("r2", heard="It is four. Time for tea.")
    lines = tab.at("captions").locator(".line")
    await expect(lines).to_have_text(
        [
            re.compile(r"What time is it\?"),
            re.compile(r"<b>Four \(interrupted\)"),
            re.compile("It is four. Time for tea."),
        ]
    )
    again.cut()
    back = await tab.server.client(3)
    await back.ready(call="call-1")
    await back.heard("Thank you.")
    await expect(lines).to_have_count(4)
    await expect(lines.last).to_contain_text("Thank you.")


async def test_a_tab_that_takes_its_call_back_shows_what_was_said_meanwhile_where_it_belongs(tab: Tab) -> None:
    await tab.at("talk").click()
    first = await tab.server.client()
    await first.ready(call="call-1")
    await first.heard("Yes.")
    await first.begin("r1", "Good.")
    await first.end("r1", heard="Good.")
    await first.close(4001)
    await expect(tab.at("warning")).to_contain_text("The call went on in another tab")
    said = (("Ada", "Yes."), ("Seiyuu", "Good."), ("Ada", "Yes."), ("Seiyuu", "Very good."), ("Ada", "I am back."))
    tab.server.turns["call-1"] = [
        {"number": number, "who": who, "bot": who == "Seiyuu", "text": text, "at": number, "interrupted": False}
        for number, (who, text) in enumerate(said)
    ]
    await tab.at("warning-action").click()
    again = await tab.server.client(2)
    await again.got("hello")
    await again.heard("I am back.")
    await again.ready(call="call-1")
    lines = tab.at("captions").locator(".line .said")
    await expect(lines).to_have_text([text for _, text in said])
