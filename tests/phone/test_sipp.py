"""Phone calls from SIPp, which follows RFC 3261 to the letter, directly and without a PBX."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audio.g711 import encode_g711
from bot.voice.phone.answering import Admission
from bot.voice.phone.line import LineEnd
from tests.phone.bot import bot, loudest, tone, until
from tests.phone.programs import SIPP, needs, sipp

pytestmark = needs(SIPP)
ANSWER = 1000.0
_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+4930987@[local_ip]>;tag=[pid]t[call_number]
To: <sip:bot@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
"""
_OFFER = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP {formats}
"""


def _send(method: str, cseq: str, tag: str = "[peer_tag_param]", offer: str = "", retransmit: bool = True) -> str:
    body = _OFFER.format(formats=offer) if offer else "Content-Length: 0\n\n"
    first = f"{method} sip:bot@[remote_ip]:[remote_port] SIP/2.0\n"
    again = ' retrans="500"' if retransmit else ""
    return f"<send{again}><![CDATA[\n{first}{_HEAD.format(tag=tag, cseq=cseq)}{body}\n]]></send>\n"


def receive(status: int, optional: bool = False) -> str:
    """The step in which a response is awaited."""
    return f'<recv response="{status}" optional="true"/>\n' if optional else f'<recv response="{status}"/>\n'


def scenario(*steps: str) -> str:
    """A phone call of SIPp with these steps."""
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n{"".join(steps)}</scenario>\n'


INVITE = _send("INVITE", "1 INVITE", "", "8 101")
ACK = _send("ACK", "1 ACK", retransmit=False)
BYE = _send("BYE", "2 BYE") + receive(200)
BYE_OF_BOT = """<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""
TALK = '<nop><action><exec rtp_stream="says.pcma,1,8,PCMA/8000"/></action></nop>\n'


async def test_a_caller_talks_is_heard_and_hangs_up(tmp_path: Path) -> None:
    (tmp_path / "says.pcma").write_bytes(encode_g711(tone(440, 3.0), "alaw"))
    steps = scenario(INVITE, receive(200), ACK, TALK, '<pause milliseconds="2500"/>\n', BYE)
    async with bot() as (endpoint, operator):
        running = asyncio.create_task(sipp(tmp_path, steps, endpoint.port, "-m", "1"))
        talk = await operator.conversation()
        assert (talk.line.number, talk.line.law) == ("+4930987", "alaw")
        status, said = await running
        assert status == 0, said
        await until(lambda: talk.ends == [LineEnd.CALLER])
        assert abs(loudest(talk.heard) - 440) < 5 and len(talk.data) > 8000
        assert endpoint.calls == 0


async def test_the_bot_hangs_up(tmp_path: Path) -> None:
    steps = scenario(INVITE, receive(200), ACK, BYE_OF_BOT)
    async with bot() as (endpoint, operator):
        running = asyncio.create_task(sipp(tmp_path, steps, endpoint.port, "-m", "1"))
        talk = await operator.conversation()
        await talk.say(tone(ANSWER, 0.3))
        await talk.line.hang_up()
        status, said = await running
        assert status == 0, said
        assert talk.ends == [LineEnd.BOT] and endpoint.calls == 0


@pytest.mark.parametrize(
    ("admission", "offer", "status"),
    [(Admission.NOT_ALLOWED, "8", 403), (Admission.NOT_READY, "8", 503), (Admission.ALLOWED, "18", 488)],
)
async def test_a_refused_caller_gets_the_status_of_the_reason(
    tmp_path: Path, admission: Admission, offer: str, status: int
) -> None:
    steps = scenario(_send("INVITE", "1 INVITE", "", offer), receive(status), ACK)
    async with bot() as (endpoint, operator):
        operator.admission = admission
        found, said = await sipp(tmp_path, steps, endpoint.port, "-m", "1")
        assert found == 0, said
        assert endpoint.calls == 0


async def test_a_second_caller_gets_a_sentence_and_busy(tmp_path: Path) -> None:
    first = scenario(INVITE, receive(200), ACK, BYE_OF_BOT)
    second = scenario(INVITE, receive(183), receive(486), ACK)
    async with bot() as (endpoint, operator):
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
        running = asyncio.create_task(sipp(tmp_path / "first", first, endpoint.port, "-m", "1"))
        talk = await operator.conversation()
        status, said = await sipp(tmp_path / "second", second, endpoint.port, "-m", "1")
        assert status == 0, said
        assert talk.ends == []
        await talk.line.hang_up()
        assert (await running)[0] == 0


async def test_many_short_phone_calls_one_after_the_other_leave_no_call_open(tmp_path: Path) -> None:
    steps = scenario(INVITE, receive(200), ACK, '<pause milliseconds="50"/>\n', BYE)
    async with bot() as (endpoint, operator):
        status, said = await sipp(tmp_path, steps, endpoint.port, "-m", "20", "-l", "1", "-r", "20")
        assert status == 0, said
        await until(lambda: endpoint.calls == 0)
        assert operator.conversations.qsize() == 20


async def test_lost_messages_are_sent_again_until_both_sides_have_them(tmp_path: Path) -> None:
    lossy = [each.replace("<send", '<send lost="30"').replace("<recv", '<recv lost="30"') for each in (INVITE, BYE)]
    steps = scenario(lossy[0], receive(200), ACK, '<pause milliseconds="50"/>\n', lossy[1])
    # By default, SIPp gives up after sending a message again six times. In one of a thousand phone calls, all of them
    # are lost.
    patient = ("-max_invite_retrans", "11", "-max_non_invite_retrans", "11")
    async with bot() as (endpoint, operator):
        status, said = await sipp(tmp_path, steps, endpoint.port, "-m", "2", "-l", "1", "-r", "20", *patient)
        assert status == 0, said
        await until(lambda: endpoint.calls == 0)
        assert operator.conversations.qsize() == 2
