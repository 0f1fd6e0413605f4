"""A call in a real browser: sound both ways, captions, the reply, interruptions, writing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from playwright.async_api import expect

from audio.samples import HEARING_RATE
from tests.browser.chat_server import AHEAD, noise
from tests.browser.conftest import Tab
from tests.browser.recording import gaps
from tests.timing import wait_until
from tests.tones import pitch, tone

pytestmark = pytest.mark.browser
WATCH = """() => {
  const reply = document.getElementById("reply");
  globalThis.testSteps = [];
  const note = () => testSteps.push(reply.textContent);
  new MutationObserver(note).observe(reply, {childList: true, subtree: true, characterData: true});
}"""
"""Notes what stands in the reply after each change."""
ARRIVALS = """() => {
  globalThis.testArrivals = [];
  globalThis.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", ({data}) => typeof data !== "string" && testArrivals.push(performance.now()));
    }
  };
}"""
"""Notes when each frame reaches the page, from the next call on."""
WAITING = """(texts) => {
  const lines = [...document.querySelectorAll("#captions .line")];
  const waits = (line) => getComputedStyle(line.querySelector(".speaker"), "::after").content === '"waiting"';
  return String(lines.filter(waits).map((line) => line.querySelector(".said").textContent)) === String(texts);
}"""
"""Whether exactly the lines with these texts have the sign that they wait."""
LATEST = """() => {
  const [first, ...others] = testArrivals.splice(0);
  return Math.max(...others.map((at, i) => at - first - 20 * (i + 1)));
}"""
"""The longest delay of a frame, in milliseconds, among all that came since the previous reading. The delay is measured
from the first of these frames.
"""


async def test_the_first_press_asks_for_the_microphone_and_starts_a_call(tab: Tab) -> None:
    await expect(tab.at("talk")).to_have_text("Start talking")
    await tab.at("name").fill("Ada")
    await tab.at("talk").click()
    client = await tab.server.client()
    assert await client.got("hello") == {
        "type": "hello",
        "name": "Ada",
        "microphone": "open",
        "audio": {"up": 16_000, "down": 24_000},
        "questions": True,
    }
    await client.ready()
    await expect(tab.at("talk")).to_have_text("Listening")
    (asked,) = await tab.page.evaluate("testMicrophone.asked")
    assert asked["audio"]["echoCancellation"] is True
    assert asked["audio"]["noiseSuppression"] is True


async def test_a_person_is_asked_for_their_name_only_once(tab: Tab) -> None:
    await tab.at("name").fill("Ada")
    await tab.page.reload()
    await expect(tab.at("name")).to_be_hidden()
    await tab.page.get_by_role("button", name="You are Ada. Change your name").click()
    await tab.at("name").fill("Ada Lovelace")
    await tab.at("talk").click()
    assert (await (await tab.server.client()).got("hello"))["name"] == "Ada Lovelace"


async def test_the_sound_of_the_microphone_arrives_unchanged(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await tab.say(tone(1.0, 1_000, rate=48_000), 48_000)
    count = len(client.sound)
    await wait_until(lambda: len(client.sound) > count + 15)
    assert {len(frame) for frame in client.sound} == {640}
    loud = np.flatnonzero(np.abs(client.samples) > 0.05)
    said = client.samples[loud[0] : loud[-1]]
    assert abs(len(said) / HEARING_RATE - 1.0) < 0.05
    assert abs(pitch(said, HEARING_RATE) - 1_000) < 2


async def test_the_level_shows_how_loud_the_person_is(tab: Tab) -> None:
    await tab.at("talk").click()
    await tab.server.call()
    await expect(tab.at("level")).to_have_attribute("aria-valuenow", "0")
    await tab.page.evaluate("([s, r]) => { void testMicrophone.play(s, r) }", [noise(2.0, 0.5).tolist(), 24_000])
    await wait_until(
        lambda: tab.page.evaluate("() => +document.getElementById('level').getAttribute('aria-valuenow') > 40")
    )
    await tab.at("mute").click()
    await expect(tab.at("level")).to_have_attribute("aria-valuenow", "0")


async def test_no_sound_is_sent_while_the_microphone_is_muted(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await wait_until(lambda: len(client.sound) > 10)
    await tab.at("mute").click()
    assert (await client.got("mute", 2))["on"] is True
    await expect(tab.at("talk")).to_have_text("Muted")
    count = len(client.sound)
    await tab.say(tone(0.3, rate=48_000), 48_000)
    assert len(client.sound) <= count + 2
    await tab.at("talk").click()
    assert (await client.got("mute", 3))["on"] is False
    await wait_until(lambda: len(client.sound) > count + 10)


async def test_captions_show_interim_words_and_then_the_final_ones(tab: Tab) -> None:
    await tab.at("name").fill("Ada")
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.heard("What", final=False)
    await client.heard("What time", final=False)
    await expect(tab.at("captions").locator(".interim")).to_have_text("You: What time")
    await client.heard("What time is it?")
    await client.heard("Tea?", person="web:Ben")
    await expect(tab.at("captions").locator("p")).to_have_text(["You: What time is it?", "Ben: Tea?"])
    await expect(tab.at("captions").locator(".interim")).to_have_count(0)
    await client.send(type="notice", text="<b>Somebody</b> listens.")
    await expect(tab.at("captions")).to_contain_text("<b>Somebody</b> listens.")
    await client.send(type="notice", text="What was used:\n- a model")
    notices = tab.at("captions").locator(".notice")
    await expect(notices.nth(0)).to_have_css("text-align", "center")
    await expect(notices.nth(1)).to_have_css("text-align", "start")


async def test_a_reply_is_written_word_by_word_and_heard_as_it_was_sent(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    recording = await tab.record()
    sound = noise(3.0)
    await tab.page.evaluate(WATCH)
    await client.begin("r1", "It is four o'clock, and time for tea.")
    await expect(tab.at("talk")).to_have_text("Speaking")
    await client.play(sound[:24_000], ahead=AHEAD)
    await client.played("r1", 500)
    await client.begin("r1", "Is it not?")
    await client.play(sound[24_000:], ahead=AHEAD)
    await client.played("r1", 2_500)
    await client.end("r1")
    await expect(tab.at("reply")).to_have_text("It is four o'clock, and time for tea. Is it not?")
    await expect(tab.at("captions")).to_contain_text("Seiyuu: It is four o'clock, and time for tea. Is it not?")
    steps = await tab.page.evaluate("testSteps")
    assert len(steps) >= 5
    assert all(later.startswith(earlier) for earlier, later in pairwise(steps))
    await wait_until(lambda: any(message["ms"] >= 2_990 for message in client.all("played")))
    heard, meant = await recording.sound(), recording.as_played(sound)
    assert gaps(heard, meant, recording.rate) == []
    played = [message["ms"] for message in client.all("played")]
    assert {message["reply"] for message in client.all("played")} == {"r1"}
    assert played == sorted(played)
    assert 10 <= len(played) <= 25
    assert played[-1] == pytest.approx(3_000, abs=30)


async def test_late_frames_leave_no_gap(tab: Tab) -> None:
    await tab.page.evaluate(ARRIVALS)
    await tab.at("talk").click()
    client = await tab.server.call()
    sound = noise(20.0)
    for reply in ("r1", "r2", "r3", "r4"):
        recording, underruns = await tab.record(), await tab.underruns()
        await client.begin(reply, "A long reply.")
        await client.play(sound, late=lambda frame: 0.05 if frame % 20 == 7 else 0.0)
        await client.end(reply)
        await client.played(reply, 19_990)
        # If a busy machine delays a frame by more than the page's buffer holds, there is a gap, which proves nothing.
        # The next reply is then another try.
        if await tab.page.evaluate(LATEST) < 60:
            break
    assert gaps(await recording.sound(), recording.as_played(sound), recording.rate) == []
    assert await tab.underruns() == underruns


async def test_an_interruption_silences_the_bot_at_once_and_words_that_were_not_heard_are_not_shown(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    recording = await tab.record()
    await client.begin("r1", "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen.")
    await client.play(noise(1.0))
    await tab.at("talk").click()
    await client.got("interrupt")
    # The server still sends sound until it has received the interruption.
    await client.play(noise(0.6, seed=2))
    await client.end("r1", "interrupted")
    await client.send(type="llm_token", reply="r1", token=" Fourteen.")
    await expect(tab.at("talk")).to_have_text("Listening")
    await expect(tab.at("captions")).to_contain_text("(interrupted)")
    await expect(tab.at("reply")).not_to_contain_text("thirteen")
    await client.begin("r2", "Yes?")
    await client.play(noise(1.0, seed=3), ahead=AHEAD)
    await client.end("r2")
    await expect(tab.at("reply")).to_have_text("Yes?")
    await wait_until(lambda: any(message["reply"] == "r2" and message["ms"] > 980 for message in client.all("played")))
    heard = await recording.sound()
    last = max(message["ms"] for message in client.all("played") if message["reply"] == "r1")
    assert last < 1_300
    assert len(np.flatnonzero(np.abs(heard) > 1e-4)) / recording.rate < 1.0 + last / 1000 + 0.1
    again = recording.as_played(noise(1.0, seed=3))
    end = int(np.flatnonzero(heard)[-1]) + 1
    assert gaps(heard[max(0, end - len(again) - recording.rate // 5) :], again, recording.rate) == []


async def test_a_spoken_interruption_silences_the_bot(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.begin("r1", "One, two, three, four, five, six, seven, eight.")
    await client.play(noise(0.5))
    await expect(tab.at("reply")).to_contain_text("two,")
    await client.heard("Wait", final=False)
    await client.end("r1", "interrupted", heard="One,")
    await expect(tab.at("captions").locator("p").first).to_have_text("Seiyuu: One, (interrupted)")
    await expect(tab.at("reply")).to_have_text("One,")
    await expect(tab.at("captions").locator("p").last).to_have_text("Ada: Wait")
    await expect(tab.at("talk")).to_have_text("Listening")


async def test_writing_starts_a_call_without_a_microphone(tab: Tab) -> None:
    await tab.at("text").fill("Hello there")
    await tab.at("text").press("Enter")
    client = await tab.server.call()
    assert (await client.got("text"))["text"] == "Hello there"
    assert (await client.got("mute"))["on"] is True
    assert await tab.page.evaluate("testMicrophone.asked") == []
    await expect(tab.at("captions")).to_have_text("You: Hello there")
    await expect(tab.at("text")).to_have_value("")
    await client.begin("r1", "Hello.")
    await client.play(noise(0.3))
    await client.end("r1")
    await wait_until(lambda: any(message["ms"] > 290 for message in client.all("played")))
    await expect(tab.at("talk")).to_have_text("Type to me")
    await tab.at("talk").click()
    await expect(tab.at("talk")).to_have_text("Listening")
    await wait_until(lambda: client.sound)


async def test_a_typed_line_that_waits_for_its_answer_shows_that_until_the_answer_begins(tab: Tab) -> None:
    for text in ("One?", "Two?", "Three?"):
        await tab.at("text").fill(text)
        await tab.at("text").press("Enter")
    # The call is only beginning.
    await expect_waiting(tab, ["One?", "Two?", "Three?"])
    client = await tab.server.call()
    await client.got("text", 3)
    ids = [message["id"] for message in client.all("text")]
    assert len(set(ids)) == 3
    await client.send(type="waiting", texts=ids[1:])
    await expect_waiting(tab, ["Two?", "Three?"])
    await client.send(type="waiting", texts=[ids[2], "of another page"])
    await expect_waiting(tab, ["Three?"])
    await client.send(type="waiting", texts=[])
    await expect_waiting(tab, [])
    await client.send(type="waiting", texts=ids[2:])
    await expect_waiting(tab, ["Three?"])
    await tab.at("hangup").click()
    await expect_waiting(tab, [])


async def expect_waiting(tab: Tab, texts: list[str]) -> None:
    """Wait until these lines show that they wait, and no others."""
    await wait_until(lambda: tab.page.evaluate(WAITING, texts))


async def test_a_microphone_can_be_chosen_and_is_remembered(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await expect(tab.at("mic").locator("option")).to_have_text(["Default microphone", "Desk microphone", "Headset"])
    await tab.at("mic").select_option(label="Headset")
    await wait_until(lambda: tab.page.evaluate("() => testMicrophone.asked.length === 2"))
    asked = await tab.page.evaluate("testMicrophone.asked")
    assert asked[1]["audio"]["deviceId"] == {"exact": "head"}
    count = len(client.sound)
    await wait_until(lambda: len(client.sound) > count + 20)
    await tab.page.reload()
    await expect(tab.at("mic")).to_have_value("head")


async def test_the_volume_changes_what_is_heard_and_is_remembered(tab: Tab) -> None:
    volume = tab.page.get_by_label("Volume")
    await expect(volume).to_have_value("100")
    await volume.focus()
    for _ in range(10):
        await tab.page.keyboard.press("ArrowLeft")
    await expect(volume).to_have_value("50")
    await expect(volume).to_have_attribute("aria-valuetext", "50 %")
    await tab.page.reload()
    await expect(volume).to_have_value("50")
    await tab.at("talk").click()
    client = await tab.server.call()
    recording, sound = await tab.record(), noise(0.5)
    await client.begin("r1", "A short reply.")
    await client.play(sound, ahead=AHEAD)
    await client.end("r1")
    await wait_until(lambda: any(message["ms"] >= 490 for message in client.all("played")))
    assert gaps(await recording.sound(), 0.25 * recording.as_played(sound), recording.rate) == []
    await tab.at("volume").fill("0")
    await expect(tab.page.locator("#volume-icon")).to_have_attribute("href", "#icon-volume-off")


async def test_a_persona_can_be_chosen_during_a_call_and_answers_in_its_own_name(tab: Tab) -> None:
    await expect(tab.at("persona")).to_be_hidden()
    await tab.at("talk").click()
    client = await tab.server.call()
    persona = tab.page.get_by_label("Persona")
    await expect(persona.locator("option")).to_have_text(["Seiyuu", "Evil Seiyuu", "Kobi"])
    await expect(persona).to_have_value("seiyuu")
    await persona.select_option(label="Kobi")
    assert (await client.got("persona"))["persona"] == "helper"
    await client.speaks_as("helper")
    await client.begin("r1", "Hello.")
    await client.end("r1")
    await expect(tab.at("captions")).to_contain_text("Kobi: Hello.")
    await expect(tab.page.get_by_role("group", name="What Kobi says")).to_be_visible()
    await client.speaks_as("evil_seiyuu")
    await expect(persona).to_have_value("evil_seiyuu")
    await tab.at("hangup").click()
    await expect(persona).to_be_hidden()


async def test_a_single_persona_is_not_offered_as_a_choice(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await expect(tab.at("persona")).to_be_visible()
    alone = [{"persona": "seiyuu", "name": "Seiyuu"}]
    await client.send(type="persona", persona="seiyuu", name="Seiyuu", choices=alone)
    await expect(tab.at("persona")).to_be_hidden()
    await expect(tab.page.get_by_role("heading", name="Seiyuu")).to_be_visible()


async def test_hanging_up_ends_the_call_and_frees_the_microphone(tab: Tab) -> None:
    await expect(tab.at("hangup")).to_be_hidden()
    await tab.at("talk").click()
    client = await tab.server.call()
    await tab.at("hangup").click()
    await client.got("hangup")
    await wait_until(lambda: client.over)
    await expect(tab.at("talk")).to_have_text("Start talking")
    assert await tab.page.evaluate("testMicrophone.tracks.map((track) => track.readyState)") == ["ended"]
    await expect(tab.at("warning")).to_be_hidden()


async def test_the_button_shows_loading_and_thinking(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.client()
    await expect(tab.at("talk")).to_have_text("Connecting…")
    await client.send(type="state", state="loading", progress=0.4)
    await expect(tab.at("talk")).to_have_text("Waking up… 40 %")
    await client.ready()
    await client.send(type="state", state="thinking")
    await expect(tab.at("talk")).to_have_text("Thinking…")


async def test_when_the_server_ends_a_call_the_page_shows_the_farewell(tab: Tab) -> None:
    await tab.at("talk").click()
    client = await tab.server.call()
    await client.send(type="state", state="idle")
    await client.send(type="notice", text="👋 I have hung up.")
    await expect(tab.at("talk")).to_have_text("Start talking")
    await expect(tab.at("captions")).to_contain_text("I have hung up.")
    await expect(tab.at("warning")).to_be_hidden()
    assert await tab.page.evaluate("testMicrophone.tracks[0].readyState") == "ended"
