"""Tests of the page with the keyboard, and of push-to-talk, with the keyboard and with the mouse."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.chat_server import Client, noise
from tests.browser.conftest import Tab
from tests.timing import wait_until

pytestmark = pytest.mark.browser
FOCUS = """(() => {
  const focused = document.activeElement;
  const shows = focused.type === "radio" ? focused.nextElementSibling : focused;
  return [focused.dataset.testid, getComputedStyle(shows).outlineStyle];
})()"""
"""The element that has the focus, and the style of the line around it. A radio button shows this line on its label."""


async def hold_to_talk(tab: Tab) -> Client:
    await tab.at("mode-push-to-talk").check()
    await tab.at("talk").click()
    client = await tab.server.client()
    assert (await client.got("hello"))["microphone"] == "push-to-talk"
    await client.ready()
    await expect(tab.at("talk")).to_have_text("Hold to talk")
    return client


async def test_everything_is_reached_with_the_tab_key_and_shows_that_it_has_the_focus(tab: Tab) -> None:
    await tab.at("talk").click()
    await tab.server.call()
    await tab.page.evaluate("document.querySelector('.skip').focus()")
    reached = []
    for _ in range(20):
        await tab.page.keyboard.press("Tab")
        name, outline = await tab.page.evaluate(FOCUS)
        reached.append(name)
        assert "solid" in outline, name
        if name == "send":
            break
    named = [name for name in reached if name is not None]
    assert named == ["persona", "volume", "talk", "mute", "mic", "mode-open", "hangup", "captions", "text", "send"]


async def test_a_call_needs_only_the_keyboard(tab: Tab) -> None:
    await tab.at("talk").focus()
    await tab.page.keyboard.press("Enter")
    client = await tab.server.call()
    await client.begin("1", "One, two, three, four.")
    await expect(tab.at("talk")).to_have_text("Speaking")
    await tab.page.keyboard.press("Escape")
    await client.got("interrupt")
    await client.end("1", "interrupted")
    await tab.at("hangup").focus()
    await tab.page.keyboard.press("Space")
    await client.got("hangup")
    await expect(tab.at("talk")).to_be_focused()


@pytest.mark.parametrize("focus", ["talk", "captions"])
async def test_the_space_bar_is_held_to_talk(tab: Tab, focus: str) -> None:
    client = await hold_to_talk(tab)
    await tab.at(focus).focus()
    assert client.sound == []
    await tab.page.keyboard.down("Space")
    assert (await client.got("talking"))["on"] is True
    await expect(tab.at("talk")).to_have_text("Listening")
    await wait_until(lambda: len(client.sound) > 10)
    await tab.page.keyboard.up("Space")
    assert (await client.got("talking", 2))["on"] is False
    count = len(client.sound)
    await expect(tab.at("talk")).to_have_text("Hold to talk")
    await tab.say(noise(0.2), 24_000)
    assert len(client.sound) == count
    assert len(client.all("talking")) == 2


async def test_the_button_is_held_to_talk_and_interrupts(tab: Tab) -> None:
    client = await hold_to_talk(tab)
    await client.begin("1", "One, two, three, four.")
    await expect(tab.at("talk")).to_have_text("Speaking")
    await tab.at("talk").hover()
    await tab.page.mouse.down()
    await client.got("interrupt")
    assert (await client.got("talking"))["on"] is True
    await tab.page.mouse.move(5, 5)
    await tab.page.mouse.up()
    assert (await client.got("talking", 2))["on"] is False
    assert len(client.all("interrupt")) == 1


async def test_people_who_can_not_hold_the_button_press_it_twice(tab: Tab) -> None:
    client = await hold_to_talk(tab)
    await tab.at("talk").dispatch_event("click")
    assert (await client.got("talking"))["on"] is True
    await tab.at("talk").dispatch_event("click")
    assert (await client.got("talking", 2))["on"] is False


async def test_a_space_in_the_text_field_is_a_space(tab: Tab) -> None:
    client = await hold_to_talk(tab)
    await tab.at("text").press_sequentially("a b")
    await expect(tab.at("text")).to_have_value("a b")
    await tab.at("mute").focus()
    await tab.page.keyboard.press("Space")
    await expect(tab.at("mute")).to_have_attribute("aria-pressed", "true")
    assert client.all("talking") == []


async def test_a_change_to_the_open_microphone_keeps_the_session(tab: Tab) -> None:
    await hold_to_talk(tab)
    await tab.at("mode-open").check()
    again = await tab.server.client(2)
    hello = await again.got("hello")
    assert (hello["microphone"], hello["session"]) == ("open", "session-1")
    await again.ready()
    await expect(tab.at("talk")).to_have_text("Listening")
    await wait_until(lambda: again.sound)


async def test_a_question_that_is_about_no_tool_is_asked_in_its_own_words(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.send(type="question", question="q1", text="forget everything that I know about you")
    await expect(tab.at("question")).to_contain_text("May I forget everything that I know about you?")
    await expect(tab.page.get_by_role("status")).to_contain_text("may I forget everything that I know about you?")


async def test_a_question_is_announced_and_answered_with_the_keyboard(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    text = 'delete_note {"title": "<b>Shopping</b>"}'
    await client.send(type="question", question="q1", text=text)
    await expect(tab.at("question")).to_contain_text("May I use delete_note?")
    await expect(tab.at("question")).to_contain_text("<b>Shopping</b>")
    await expect(tab.page.get_by_role("status")).to_contain_text(text)
    await tab.at("talk").focus()
    await tab.page.keyboard.press("Tab")
    await expect(tab.at("question-allow")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    assert await client.got("answer") == {"type": "answer", "question": "q1", "allow": True}
    await expect(tab.at("question")).to_have_count(0)
    await expect(tab.at("talk")).to_be_focused()
    for number in ("q2", "q3"):
        await client.send(type="question", question=number, text="delete_note {}")
    await client.send(type="question", question="q2", text="delete_note {}")
    await expect(tab.at("question")).to_have_count(2)
    await client.send(type="question_over", question="q2")
    await expect(tab.at("question")).to_have_count(1)
    await tab.at("question-refuse").click()
    assert await client.got("answer", 2) == {"type": "answer", "question": "q3", "allow": False}
    await client.send(type="question", question="q4", text="delete_note {}")
    await expect(tab.at("question")).to_have_count(1)
    await tab.at("hangup").click()
    await expect(tab.at("question")).to_have_count(0)
