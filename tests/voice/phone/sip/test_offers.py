"""How both sides of a phone call over SIP agree on its sound: at the beginning, at a hold, and at later changes."""

from __future__ import annotations

from bot.voice.phone.answering import Refusal
from tests.voice.phone.sip.telephone import FRAME, HOST, SLOW, Shifted, exchange, until


async def test_without_g711_there_is_no_phone_call() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite("9 18"))
        assert (await phone.status("INVITE")).status == 488
        phone.send(phone.invite(body="v=0\r\nm=nonsense"))
        assert (await phone.status("INVITE")).status == 488
        assert here.endpoint.calls == 0
        assert here.answering.refused == [("+4930123456", Refusal.NO_SOUND)] * 2


async def test_a_caller_can_leave_the_offer_to_the_bot() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.write("INVITE"))
        answer = await phone.status("INVITE")
        assert "m=audio" in answer.body and "PCMU/8000" in answer.body and "PCMA/8000" in answer.body
        phone.other_tag = answer["To"].partition(";tag=")[2]
        body = phone.invite("0 101").partition("\r\n\r\n")[2]
        phone.sequence -= 1
        phone.send(phone.ack(body))
        line, _ = await here.answering.line()
        assert line.law == "ulaw"
        phone.talk(answer.sound_port, payload=b"")
        assert (await phone.hears())[0] == 0


async def test_an_offer_that_is_never_answered_ends_the_phone_call() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.write("INVITE"))
        phone.other_tag = (await phone.status("INVITE"))["To"].partition(";tag=")[2]
        phone.send(phone.ack())
        phone.answer(await phone.request("BYE"))
        await until(lambda: here.endpoint.calls == 0)
        assert here.answering.refused == [("+4930123456", Refusal.NO_SOUND)]


async def test_the_bot_is_silent_from_a_hold_until_the_hold_ends() -> None:
    clock = Shifted()
    async with exchange(clock=clock) as here:
        phone = await here.phone()
        answer = await phone.call()
        _, ear = await here.answering.line()
        for direction, answered in (("sendonly", "recvonly"), ("inactive", "inactive")):
            phone.send(phone.invite(more=f"a={direction}"))
            held = await phone.status("INVITE")
            phone.send(phone.ack())
            assert held.status == 200 and f"a={answered}" in held.body
            assert held.sound_port == answer.sound_port
            assert (await phone.ask("OPTIONS")).status == 200
            await phone.sound.all_so_far()
            phone.talk(answer.sound_port, 3)  # music for whoever is held
            # A packet would be due every 20 ms. Each second, the line gives a sign of life.
            seconds = ear.signs_of_life + 3
            while ear.signs_of_life < seconds:
                shown = ear.signs_of_life
                clock.ahead += 1.0
                await until(lambda: ear.signs_of_life > shown)  # noqa: B023  # awaited at once
            assert await phone.sound.all_so_far() == [] and ear.sounds == []
        phone.send(phone.invite())
        resumed = await phone.status("INVITE")
        phone.send(phone.ack())
        assert "a=sendrecv" in resumed.body
        assert (await phone.hears())[1] == 1, "the first packet after a pause is marked"
        phone.talk(answer.sound_port, 3)
        await until(lambda: len(ear.sounds) == 3)
        versions = [each.body.split("\r\n")[1].split() for each in (answer, resumed)]
        assert versions[0][1] == versions[1][1] and int(versions[1][2]) > int(versions[0][2])


async def test_a_renegotiation_without_g711_is_refused_and_the_phone_call_goes_on() -> None:
    async with exchange() as here:
        phone = await here.phone()
        answer = await phone.call()
        _, ear = await here.answering.line()
        phone.send(phone.invite("18"))
        assert (await phone.status("INVITE")).status == 488
        phone.send(phone.ack())
        phone.talk(answer.sound_port)
        await until(lambda: len(ear.sounds) == 1)


async def test_a_second_renegotiation_is_refused_until_the_first_is_acknowledged() -> None:
    async with exchange(SLOW) as here:
        phone = await here.phone()
        await phone.call()
        await here.answering.line()
        phone.send(phone.invite())
        assert (await phone.status("INVITE")).status == 200
        phone.send(phone.invite())
        assert (await phone.status("INVITE")).status == 491


async def test_a_renegotiation_moves_the_sound_elsewhere_and_may_change_the_g711_law() -> None:
    async with exchange() as here:
        phone = await here.phone()
        answer = await phone.call()
        line, ear = await here.answering.line()
        other = await here.phone()
        phone.talk(answer.sound_port)
        await until(lambda: len(ear.sounds) == 1)
        phone.send(phone.invite(body=other.invite("0").partition("\r\n\r\n")[2]))
        assert (await phone.status("INVITE")).status == 200
        phone.send(phone.ack())
        line.send(b"\xd5" * FRAME)
        kind, *_, payload = await other.hears()
        assert (kind, line.law) == (0, "alaw") and len(payload) == 160
        other.sound.send(other.rtp(b"\xff" * FRAME, payload_type=0), (HOST, answer.sound_port))
        await until(lambda: len(ear.sounds) == 2)
        assert set(ear.sounds[1]) <= {0xD5, 0x55}, "silence stays silence in the law of the line"
        phone.talk(answer.sound_port)
        other.sound.send(other.rtp(b"\x80" * FRAME, payload_type=0), (HOST, answer.sound_port))
        await until(lambda: len(ear.sounds) > 2)
        assert len(ear.sounds) == 3 and not set(ear.sounds[2]) & {0xD5, 0x55}, (
            "sound from the former place is no longer heard"
        )
