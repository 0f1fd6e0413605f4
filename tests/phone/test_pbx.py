"""Phone calls from baresip, a phone, over Kamailio, a PBX at which the bot and the phones are registered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.voice.phone.line import LineEnd
from bot.voice.phone.sip.registration import RegistrationState
from bot.voice.phone.sip.timers import SipTimers
from tests.phone.bot import Operator, bot, loudest, tone, until
from tests.phone.programs import BARESIP, HOST, KAMAILIO, baresip, kamailio, needs

pytestmark = needs(KAMAILIO, BARESIP)
VOICE = tone(440, 60)
ANSWER = 1000.0


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_a_caller_talks_hears_the_answer_presses_keys_and_hangs_up(tmp_path: Path, codec: str) -> None:
    async with (
        kamailio(tmp_path / "pbx") as pbx,
        bot(pbx) as (endpoint, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE, codec) as phone,
    ):
        assert endpoint.registration == (RegistrationState.REGISTERED, f"as bot at {HOST}:{pbx}")
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        talk = await operator.conversation()
        assert talk.line.number == f"ada@{HOST}" and talk.line.law == {"PCMA": "alaw", "PCMU": "ulaw"}[codec]
        await until(lambda: len(talk.data) > 8000)
        assert abs(loudest(talk.heard) - 440) < 5
        await talk.say(tone(ANSWER, 1.5))
        for key in "1*#":
            phone.command("sndcode", key)
            await until(lambda: talk.digits.endswith(key))  # noqa: B023  # awaited at once
        phone.command("hangup")
        await until(lambda: talk.ends == [LineEnd.CALLER])
        assert talk.digits == "1*#"
        assert abs(loudest(phone.heard()) - ANSWER) < 5
        await until(lambda: endpoint.calls == 0)


async def test_the_bot_hangs_up(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path / "pbx") as pbx,
        bot(pbx) as (endpoint, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE) as phone,
    ):
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        talk = await operator.conversation()
        await phone.event("CALL_ESTABLISHED")
        await talk.say(tone(ANSWER, 0.5))
        await talk.line.hang_up()
        await phone.event("CALL_CLOSED")
        assert talk.ends == [LineEnd.BOT]
        assert abs(loudest(phone.heard()) - ANSWER) < 10
        await until(lambda: endpoint.calls == 0)


async def test_the_caller_holds_and_comes_back(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path / "pbx") as pbx,
        bot(pbx) as (_, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE) as phone,
    ):
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        talk = await operator.conversation()
        await until(lambda: len(talk.data) > 4000)
        phone.command("hold")
        await phone.event("CALL_REMOTE_SDP")
        await asyncio.sleep(0.5)
        held = len(talk.data)
        await asyncio.sleep(1.0)
        assert len(talk.data) == held and talk.ends == []
        phone.command("resume")
        await until(lambda: len(talk.data) > held + 4000)


async def test_a_phone_that_vanishes_is_noticed(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path / "pbx") as pbx,
        bot(pbx, timers=SipTimers(silence=3.0)) as (_, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE) as phone,
    ):
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        talk = await operator.conversation()
        await until(lambda: len(talk.data) > 4000)
        phone.process.kill()
        await until(lambda: talk.ends == [LineEnd.SILENT])
        # The phone call that nobody ends does not keep the next caller waiting.
        async with baresip(tmp_path / "other", "dan", pbx, VOICE) as other:
            other.command("dial", f"sip:bot@{HOST}:{pbx}")
            assert (await operator.conversation()).line.number == f"dan@{HOST}"


async def test_a_second_caller_hears_a_sentence_and_that_the_line_is_busy(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path / "pbx") as pbx,
        bot(pbx) as (endpoint, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE) as phone,
        baresip(tmp_path / "other", "dan", pbx, VOICE) as other,
    ):
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        talk = await operator.conversation()
        other.command("dial", f"sip:bot@{HOST}:{pbx}")
        assert "486" in await other.event("CALL_CLOSED")
        assert abs(loudest(other.heard()) - Operator.SENTENCE) < 5
        assert talk.ends == [] and endpoint.calls == 1


async def test_a_second_caller_may_hang_up_during_the_sentence(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path / "pbx") as pbx,
        bot(pbx) as (endpoint, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE) as phone,
        baresip(tmp_path / "other", "dan", pbx, VOICE) as other,
    ):
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        talk = await operator.conversation()
        other.command("dial", f"sip:bot@{HOST}:{pbx}")
        second = await asyncio.wait_for(operator.busy.get(), 45)
        await other.event("CALL_PROGRESS")
        other.command("hangup")
        await until(lambda: second.ends == [LineEnd.CALLER])
        await until(lambda: endpoint.calls == 1)
        assert talk.ends == []


async def test_the_registration_is_refreshed_before_it_ends(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path / "pbx", expires=5) as pbx,
        bot(pbx) as (_, operator),
        baresip(tmp_path / "phone", "ada", pbx, VOICE) as phone,
    ):
        await asyncio.sleep(8.0)
        phone.command("dial", f"sip:bot@{HOST}:{pbx}")
        await operator.conversation()


async def test_a_wrong_password_is_reported(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "pbx") as pbx, bot(pbx, told="wrong") as (endpoint, _):
        assert endpoint.registration == (RegistrationState.REFUSED, "SIP_USER or SIP_PASSWORD is wrong")
