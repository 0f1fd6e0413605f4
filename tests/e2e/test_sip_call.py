"""A conversation of a telephone program (baresip) with the whole bot, over a real PBX (Kamailio)."""

from __future__ import annotations

import json
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soxr

from audio.pcm import to_int16
from bot.voice.call_life import CallState
from bot.voice.events import PromptTaken, Ready, ReplyEnded, WordsSpoken
from bot.voice.phone.calls_log import FILE
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.free_ports import free_port, free_ports
from tests.phone.programs import BARESIP, HOST, KAMAILIO, Phone, baresip, kamailio, needs
from tests.tones import silence
from tests.voice.effects import only

pytestmark = needs(KAMAILIO, BARESIP)
ASKED = "What day is it today?"
"""A sentence that the toy transcriber knows over a telephone, too."""
QUIET = np.zeros(8000 * 120, np.int16)


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda _: Answer("Sunshine for everybody.")) as model:
        yield model


def say(phone: Phone, folder: Path, text: str) -> None:
    """Say a text into the phone, and then nothing."""
    sound = soxr.resample(np.concatenate([silence(0.2), speech(text, ADAS_VOICE), silence(60.0)]), 48_000, 8_000)
    file = folder / "question.wav"
    with wave.open(str(file), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(to_int16(sound).tobytes())
    phone.command("ausrc", f"aufile,{file}")


async def log_of(stage: Stage, lines: int) -> list[dict[str, str]]:
    """Wait for this many lines of the log of calls."""
    file = stage.app.core.settings.data_dir / FILE
    await stage.until(lambda: file.exists() and len(file.read_text().splitlines()) >= lines, "the log of calls")
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_a_caller_is_greeted_asks_is_answered_and_hangs_up_while_another_one_is_told_to_wait(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel, tmp_path: Path
) -> None:
    ports = free_ports(20)
    async with kamailio(tmp_path / "pbx") as pbx:
        settings = {
            "tts_websocket_url": speech_server,
            "llm_url": model.url,
            "phone_allow": "*",
            "sip_registrar": f"{HOST}:{pbx}",
            "sip_user": "bot",
            "sip_password": "secret-bot",
            "sip_bind": f"{HOST}:{free_port()}",
            "sip_rtp_ports": f"{ports.start}-{ports.stop - 1}",
        }
        async with (
            make_stage(**settings) as stage,
            baresip(tmp_path / "ada", "ada", pbx, QUIET) as ada,
            baresip(tmp_path / "dan", "dan", pbx, QUIET) as dan,
        ):
            await stage.until(lambda: only(Ready, stage.events), "the bot's readiness")
            bot = f"sip:bot@{HOST}:{pbx}"
            ada.command("dial", bot)
            await stage.until(lambda: only(ReplyEnded, stage.events), "the greeting")
            assert np.abs(ada.heard()).max() > 2000, "the greeting is heard on the phone"
            before = len(ada.heard())
            say(ada, tmp_path, ASKED)
            await stage.until(lambda: len(only(ReplyEnded, stage.events)) == 2, "the answer")
            assert [each.text for each in only(PromptTaken, stage.events)[1:]] == [ASKED]
            assert " ".join(each.text for each in only(WordsSpoken, stage.events)).endswith("Sunshine for everybody.")
            await stage.until(lambda: np.abs(ada.heard()[before:]).max(initial=0) > 2000, "the answer on the phone")

            dan.command("dial", bot)
            assert "486" in await dan.event("CALL_CLOSED")
            assert np.abs(dan.heard()).max() > 2000, "the sentence is heard on the phone"
            (second,) = await log_of(stage, 1)
            assert (second["transport"], second["cause"]) == ("sip", "a call is on")

            ada.command("hangup")
            await stage.until(lambda: stage.app.manager.status().state is CallState.IDLE, "the end of the call")
            first = (await log_of(stage, 2))[-1]
            assert (first["transport"], first["cause"]) == ("sip", "caller hung up")
            assert stage.app.manager.status().held == ()
