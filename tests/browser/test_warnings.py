"""Tests that the page shows what has gone wrong, and what people can do about it."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.chat_server import ChatServer
from tests.browser.conftest import Tab, new_tab, running_browser
from tests.timing import wait_until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("error", "told", "remedy"),
    [
        ("NotFoundError", "No microphone was found", "Plug one in"),
        ("NotAllowedError", "The microphone is not allowed", "allow the microphone"),
        ("NotReadableError", "The microphone could not be opened", "Another program"),
    ],
)
async def test_the_page_says_why_a_microphone_can_not_be_used(tab: Tab, error: str, told: str, remedy: str) -> None:
    await tab.page.evaluate("(name) => (testMicrophone.fails = name)", error)
    await tab.at("talk").click()
    await expect(tab.at("warning")).to_contain_text(told)
    await expect(tab.at("warning")).to_contain_text(remedy)
    await expect(tab.at("talk")).to_have_text("Start talking")
    assert tab.server.clients == []
    await tab.page.evaluate("testMicrophone.fails = null")
    await tab.at("warning-action").click()
    await tab.server.call()
    await expect(tab.at("warning")).to_be_hidden()


async def test_the_page_says_that_the_microphone_is_gone(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.got("mute")
    await tab.page.evaluate("testMicrophone.tracks[0].dispatchEvent(new Event('ended'))")
    await expect(tab.at("warning")).to_contain_text("The microphone is gone")
    assert (await client.got("mute", 2))["on"] is True
    await tab.at("warning-action").click()
    await expect(tab.at("talk")).to_have_text("Listening")
    assert (await client.got("mute", 3))["on"] is False


async def test_a_page_that_is_not_secure_says_so_and_people_can_still_type(server: ChatServer) -> None:
    async with running_browser("--host-resolver-rules=MAP seiyuu.test 127.0.0.1") as browser:
        tab = await new_tab(await browser.new_context(), server)
        await tab.open(server.url.replace("127.0.0.1", "seiyuu.test"))
        await expect(tab.at("warning")).to_contain_text("The microphone needs a secure page")
        await expect(tab.at("warning")).to_contain_text("https")
        await tab.at("talk").click()
        await expect(tab.at("talk")).to_have_text("Type to me")
        await expect(tab.at("text")).to_be_focused()
        await tab.page.keyboard.type("Hello")
        await tab.at("text").press("Enter")
        client = await server.client()
        assert "audio" not in await client.got("hello")
        # Without sound, the text begins the call.
        assert (await client.got("text"))["text"] == "Hello"
        await tab.page.keyboard.type("How are you?")
        await tab.at("text").press("Enter")
        await client.ready()
        assert (await client.got("text", 2))["text"] == "How are you?"
        await expect(tab.at("warning")).to_be_hidden()
        assert len(client.all("text")) == 2
        await client.send(type="llm_token", reply="1", token="Hello Ada.")
        await client.end("1")
        await expect(tab.at("reply")).to_have_text("Hello Ada.")
        assert tab.errors == []


async def test_a_token_is_asked_for_and_then_the_call_starts(tab: Tab) -> None:
    tab.server.token = "secret"
    await tab.at("talk").click()
    await expect(tab.at("warning")).to_contain_text("asks for a token")
    await expect(tab.at("token")).to_be_focused()
    await tab.at("token").fill("wrong")
    await tab.at("token").press("Enter")
    await expect(tab.at("warning")).to_contain_text("That is not the token.")
    await tab.at("token").fill("secret")
    await tab.at("token").press("Enter")
    await tab.server.call()
    await expect(tab.at("talk")).to_have_text("Listening")
    await expect(tab.at("warning")).to_be_hidden()
    # The browser itself writes that the wrong token was refused.
    assert [error for error in tab.errors if "401" not in error] == []
    tab.errors.clear()


@pytest.mark.parametrize(
    ("code", "told", "remedy", "action"),
    [
        (4001, "The call went on in another tab", "bring the call back", "Continue here"),
        (4002, "I am in another call", "!leave", "Try again"),
        (4003, "The sound came too fast", "Start again", "Start again"),
        (1001, "Seiyuu was switched off", "make run", "Try again"),
        (1009, "too much at once", "shorter text", "Try again"),
        (1013, "Seiyuu is busy", "Close some", "Try again"),
    ],
)
async def test_the_page_says_why_a_call_was_closed(tab: Tab, code: int, told: str, remedy: str, action: str) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await expect(tab.at("talk")).to_have_text("Listening")
    await client.close(code)
    await expect(tab.at("warning")).to_contain_text(told)
    await expect(tab.at("warning")).to_contain_text(remedy)
    await expect(tab.at("talk")).to_have_text("Start talking")
    assert await tab.page.evaluate("testMicrophone.tracks[0].readyState") == "ended"
    await tab.page.get_by_role("button", name=action).click()
    await tab.server.call(2)
    await expect(tab.at("talk")).to_have_text("Listening")


async def test_the_page_says_why_a_call_can_not_begin(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.client()
    await client.got("hello")
    await client.send(type="state", state="idle")
    await client.send(type="error", code="call_failed", message="❌ My voice does not load: no space is left.")
    await expect(tab.at("warning")).to_contain_text("My voice does not load: no space is left.")
    await expect(tab.at("talk")).to_have_text("Start talking")


async def test_the_page_says_why_a_call_broke_off(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.send(type="state", state="idle")
    await client.send(type="error", code="call_failed", message="❌ Something broke on my side.")
    await expect(tab.at("warning")).to_contain_text("Something broke on my side.")
    await expect(tab.at("talk")).to_have_text("Start talking")


async def test_the_page_says_that_somebody_talks_in_another_tab(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.client()
    await client.got("hello")
    await client.send(type="error", code="busy", message="❌ Somebody is talking with me in another tab.")
    await client.close(4002)
    await expect(tab.at("warning")).to_contain_text("Somebody is talking with me in another tab.")
    await expect(tab.at("warning-action")).to_have_text("Try again")


async def test_a_page_of_a_forbidden_origin_shows_the_servers_own_error(tab: Tab) -> None:
    tab.server.refusal = {
        "code": "bad_origin",
        "message": "That page may not use me unless WEB_ALLOWED_ORIGINS names it.",
    }
    await tab.at("talk").click()
    await expect(tab.at("warning")).to_contain_text("WEB_ALLOWED_ORIGINS")


async def test_an_error_during_a_call_is_shown_until_the_next_reply(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.send(type="error", code="model", message="The model server does not answer. Is it running?")
    await expect(tab.at("warning")).to_contain_text("Is it running?")
    await expect(tab.at("talk")).to_have_text("Listening")
    await client.begin("1", "I am back.")
    await expect(tab.at("warning")).to_be_hidden()


async def test_the_page_asks_for_a_click_if_the_browser_blocks_sound(
    context: BrowserContext, server: ChatServer
) -> None:
    tab = await new_tab(context, server)
    script = "const {resume} = AudioContext.prototype; AudioContext.prototype.resume = () => new Promise(() => {});"
    await tab.page.add_init_script(script + "globalThis.letGo = () => (AudioContext.prototype.resume = resume)")
    await tab.open()
    await tab.at("talk").click()
    await server.call()
    await expect(tab.at("warning")).to_contain_text("holds the sound back")
    await tab.page.evaluate("() => void letGo()")
    await tab.at("warning-action").click()
    await expect(tab.at("warning")).to_be_hidden()


async def test_a_warning_can_be_dismissed(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.close(4002)
    await tab.page.get_by_role("button", name="Dismiss").click()
    await expect(tab.at("warning")).to_be_hidden()
    await expect(tab.at("talk")).to_be_focused()


async def test_after_a_call_that_ended_well_there_is_no_warning(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.send(type="notice", text="The call is over.")
    await client.close(1000)
    await expect(tab.at("talk")).to_have_text("Start talking")
    await expect(tab.at("warning")).to_be_hidden()
    await wait_until(lambda: client.over)
