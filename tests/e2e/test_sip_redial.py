"""A caller who hangs up and calls again at once (SIPp does so within a millisecond) gets a new call."""

from __future__ import annotations

from pathlib import Path

from bot.voice.events import CallBegan, Ready
from tests.e2e.conftest import StageMaker
from tests.lease.callers import SipNetwork
from tests.phone.programs import SIPP, needs, sipp
from tests.phone.test_sipp import ACK, BYE, INVITE, receive, scenario
from tests.voice.effects import only

pytestmark = needs(SIPP)
CALLS = 2


async def test_a_caller_who_calls_again_at_once_is_not_told_that_a_call_is_on(
    make_stage: StageMaker, speech_server: str, tmp_path: Path
) -> None:
    network = SipNetwork()
    talk = scenario(INVITE, receive(200), ACK, '<pause milliseconds="2500"/>\n', BYE)
    async with make_stage(tts_websocket_url=speech_server, **network.settings) as stage:
        await stage.until(lambda: only(Ready, stage.events), "the bot's readiness")
        status, said = await sipp(tmp_path, talk, network.port, "-m", str(CALLS), "-l", "1", "-r", "20")
        assert status == 0, said
        await stage.until(lambda: len(only(CallBegan, stage.events)) == CALLS, "each of the calls")
