"""Phone calls over Twilio with the real bot: callers are answered and can interrupt. No end leaves anything paused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import bot.http.twilio.media_socket as media_socket
import bot.voice.phone.transport as transport
from bot.http.twilio.line import TwilioLine
from bot.voice.call_life import CallState
from bot.voice.events import CallBegan, CallEnded
from bot.voice.phone.audio_output import PhoneFrames
from bot.voice.phone.line import FRAME_BYTES
from bot.voice.turn import Outcome
from sandbox.twilio.stream import LineQuality
from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_ears import ScriptedEars
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.twilio_calls import Telephone, phone_settings, telephone
from tests.free_ports import free_port
from tests.voice.effects import only

STORY = (
    "Once there was a fox who lived beside a wide river, and he counted the boats, and he wrote their names on a stone."
)

ENDS = {"vanishes": "connection lost", "leave": "voice command", "shutdown": "shutdown"}


def script(line: str) -> Answer:
    if "fox" in line:
        return Answer(STORY)
    return Answer("Red, green and blue." if "rainbow" in line else "It is Paris.")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
async def phone(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Telephone]:
    port = free_port()
    async with (
        ScriptedEars() as ears,
        make_stage(
            tts_websocket_url=speech_server, llm_url=model.url, stt_url=ears.url, **phone_settings(port)
        ) as stage,
        telephone(stage, port, ears) as phone,
    ):
        yield phone


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[TwilioLine]:
    """All lines that are opened."""
    opened: list[TwilioLine] = []

    class NotedLine(TwilioLine):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            opened.append(self)

    monkeypatch.setattr(media_socket, "TwilioLine", NotedLine)
    return opened


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The reply of each frame that was sent, in order; ``None`` for silence around replies."""
    sent: list[str | None] = []

    class NotedFrames(PhoneFrames):
        def send(self, pcm: bytes) -> None:
            sent.append(self._frames.sounding)
            super().send(pcm)

        def send_silence(self) -> None:
            sent.append(None)
            super().send_silence()

    monkeypatch.setattr(transport, "PhoneFrames", NotedFrames)
    return sent


async def over(phone: Telephone) -> str:
    """Wait until the call has ended and nothing is held. Returns the cause."""
    stage = phone.stage
    await stage.until(lambda: only(CallEnded, stage.events), "the end of the call")
    await stage.until(lambda: stage.app.manager.status().state is CallState.IDLE, "the lease")
    assert stage.app.manager.status().held == ()
    return only(CallEnded, stage.events)[-1].cause


@pytest.mark.parametrize("quality", [LineQuality(), LineQuality(loss=0.03, jitter=3)], ids=["good", "bad"])
async def test_in_three_turns_with_an_interruption_twilios_marks_tell_what_was_heard(
    phone: Telephone, model: ScriptedModel, lines: list[TwilioLine], frames: list[str | None], quality: LineQuality
) -> None:
    stream = await phone.call(quality=quality, seed=1)
    greeting = await phone.replied(1)
    assert greeting.heard
    await phone.say(stream, "colors")
    assert (await phone.replied(2)).heard == "Red, green and blue."
    await stream.until(lambda: stream.playout.waiting == 0)
    before = stream.playout.spoken

    await phone.say(stream, "story")
    await stream.until(lambda: stream.playout.spoken > before + 2 * 8_000)
    await phone.say(stream, "capital")
    story, capital = await phone.replied(3), await phone.replied(4)
    assert (story.trace.outcome, capital.trace.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
    assert capital.heard == "It is Paris."
    assert story.heard != STORY
    assert STORY.startswith(story.heard)
    assert any(line["content"] == f"{story.heard}—" for line in model.asked[-1])

    await stream.until(lambda: stream.playout.waiting == 0)
    (line,) = lines
    await phone.stage.until(lambda: line.unheard == 0, "the last marks")
    assert line.sound.heard == len(stream.playout.passed) * FRAME_BYTES
    assert line.sound.dropped == len(stream.playout.cleared) * FRAME_BYTES
    assert stream.playout.spoken == line.sound.heard
    for reply in phone.replies:
        heard = sum(20 for name in stream.playout.passed if frames[int(name) - 1] == reply.trace.reply)
        # The last frame of a reply may have less than 20 ms of it, and milliseconds are rounded.
        assert heard - 20 * reply.trace.underruns - 21 < reply.trace.audio <= heard
    await stream.hang_up()
    assert await over(phone) == "hung up"
    (began,) = only(CallBegan, phone.stage.events)
    assert (began.transport, began.encrypted) == ("phone", False)


async def test_a_key_interrupts_and_what_waits_at_twilio_is_not_heard(
    phone: Telephone, lines: list[TwilioLine], frames: list[str | None]
) -> None:
    stream = await phone.call()
    greeting = (await phone.replied(1)).trace.reply
    await phone.say(stream, "story")
    await stream.until(lambda: sum(reply not in (None, greeting) for reply in frames) > 50)
    reported = len(stream.playout.passed) * FRAME_BYTES
    await stream.press("#")
    story = await phone.replied(2)
    assert story.trace.outcome is Outcome.INTERRUPTED
    await stream.until(lambda: any(message["event"] == "clear" for message in stream.got))
    await stream.until(lambda: stream.playout.waiting == 0)
    (line,) = lines
    await phone.stage.until(lambda: line.unheard == 0, "the last marks")
    # What Twilio had reported before the key counts as heard, since both come over one socket. What it has played since
    # then may count, as far as it was reported before the bot dropped the rest.
    assert reported <= line.sound.heard <= stream.playout.spoken
    assert line.sound.heard + line.sound.dropped >= stream.playout.spoken


async def test_a_second_caller_hears_a_sentence_and_the_first_goes_on(phone: Telephone) -> None:
    stream = await phone.call()
    await phone.replied(1)
    second = await phone.call("+4930999999")
    await second.until(lambda: second.closed)
    assert second.playout.spoken > 8_000
    await phone.say(stream, "capital")
    assert (await phone.replied(2)).heard == "It is Paris."


@pytest.mark.parametrize("end", ["hangs up", "vanishes", "status", "leave", "shutdown"])
async def test_however_a_phone_call_ends_nothing_is_held(phone: Telephone, end: str) -> None:
    stream = await phone.call()
    await phone.replied(1)
    match end:
        case "hangs up":
            await stream.hang_up()
        case "vanishes":
            await stream.close()
        case "status":
            await phone.account.tell_status(stream.call, "completed")
        case "shutdown":
            await phone.stage.app.bot.close()
        case _:
            await phone.say(stream, "farewell")
            await stream.until(lambda: stream.closed)
    cause = await over(phone)
    assert cause == ENDS.get(end, "hung up")
    await stream.until(lambda: stream.closed)


async def test_forged_and_repeated_phone_calls_do_not_disturb_a_call(phone: Telephone) -> None:
    stream = await phone.call()
    await phone.replied(1)
    form = phone.account.announcement(stream.call)
    for _ in range(50):
        assert (await phone.account.post("/phone/twilio/voice", form)).status == 403
        assert (await phone.account.post("/phone/twilio/voice", form, "A" * 28)).status == 403
    await phone.say(stream, "capital")
    assert (await phone.replied(2)).heard == "It is Paris."
