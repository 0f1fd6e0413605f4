"""Guests in a voice channel hear each other, end-to-end encrypted, through all changes of the group."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import trustme

from sandbox.voice.microphone import OpenMicrophone, PushToTalk, VoiceActivity
from sandbox.voice.network import Conditions
from sandbox.voice.peer import VoicePeer
from sandbox.voice.rtp import MODES
from sandbox.voice.server import VoiceServer
from sandbox.world.bus import VoiceTicket
from tests.timing import wait_until
from tests.tones import pitch, tone

CHANNEL = 77


class House:
    """A voice server and the guests in it."""

    def __init__(self, dave: bool) -> None:
        authority = trustme.CA()
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(served)
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        self.server = VoiceServer(served, dave=dave)
        self.guests: list[VoicePeer] = []

    def peer(self, user: int, mode: str = MODES[0]) -> VoicePeer:
        ticket = VoiceTicket(1, CHANNEL, user, f"session-{user}", "token")
        self.server.admit(ticket)
        peer = VoicePeer(ticket, self.server.endpoint, self.trusting, mode=mode)
        self.guests.append(peer)
        return peer

    async def join(self, *users: int) -> list[VoicePeer]:
        guests = [self.peer(user, MODES[user % 2]) for user in users]
        for guest in guests:
            await guest.connect()
        return guests

    async def grouped(self, *users: int) -> None:
        await wait_until(lambda: self.server.in_group(CHANNEL) == set(users) and all(g.encrypted for g in self.guests))

    async def hears(self, listener: VoicePeer, speaker: VoicePeer, user: int) -> None:
        since = listener.receiver.count(user)
        await speaker.speak(tone(0.3))
        await wait_until(lambda: listener.receiver.count(user) >= since + 15)
        assert pitch(listener.receiver.pcm(user, since=since)) == pytest.approx(440, abs=5)
        assert listener.receiver.undecryptable(user) == 0


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    house = House(dave=getattr(request, "param", True))
    await house.server.start()
    yield house
    for guest in house.guests:
        await guest.close()
    await house.server.stop()


@pytest.mark.parametrize("house", [True, False], indirect=True, ids=["dave", "plain"])
async def test_two_guests_with_different_transport_modes_hear_each_other(house: House) -> None:
    ada, ben = await house.join(1, 2)
    await house.hears(ben, ada, 1)
    await house.hears(ada, ben, 2)


async def test_a_guest_speaks_a_file_and_the_heard_sound_is_saved_as_a_file(house: House, tmp_path: Path) -> None:
    ada, ben = await house.join(1, 2)
    await house.grouped(1, 2)
    await ada.speak(tone(0.5, 660))
    await wait_until(lambda: len(ben.receiver.voiced_packets(1)) == 25)
    ben.receiver.save_wav(tmp_path / "heard.wav", 1)
    await ben.speak_file(tmp_path / "heard.wav")
    await wait_until(lambda: len(ada.receiver.voiced_packets(2)) >= 25)
    assert pitch(ada.receiver.pcm(2)) == pytest.approx(660, abs=5)
    with pytest.raises(OSError, match=r"nothing\.wav"):
        await ben.speak_file(tmp_path / "nothing.wav")


async def test_joining_and_leaving_changes_the_keys_and_everybody_still_hears(house: House) -> None:
    ada, ben = await house.join(1, 2)
    await house.grouped(1, 2)
    (cleo,) = await house.join(3)
    await house.grouped(1, 2, 3)
    await house.hears(cleo, ada, 1)
    await ben.close()
    house.guests.remove(ben)
    await house.grouped(1, 3)
    await house.hears(cleo, ada, 1)


async def test_six_guests_can_join_at_once(house: House) -> None:
    guests = [house.peer(user) for user in range(1, 7)]
    await asyncio.gather(*(guest.connect() for guest in guests))
    await house.grouped(*range(1, 7))
    await house.hears(guests[5], guests[0], 1)


async def test_a_guest_who_comes_back_is_heard_again(house: House) -> None:
    ada, ben = await house.join(1, 2)
    await house.grouped(1, 2)
    await ben.close()
    house.guests.remove(ben)
    await wait_until(lambda: house.server.in_group(CHANNEL) == {1})
    (again,) = await house.join(2)
    await house.grouped(1, 2)
    await house.hears(ada, again, 2)


async def test_the_encryption_is_lowered_to_protocol_0_and_restored(house: House) -> None:
    ada, ben = await house.join(1, 2)
    await house.grouped(1, 2)
    house.server.downgrade(CHANNEL)
    await wait_until(lambda: ada.dave_version == ben.dave_version == 0)
    await house.hears(ben, ada, 1)
    house.server.upgrade(CHANNEL)
    await house.grouped(1, 2)
    await house.hears(ben, ada, 1)


async def test_a_guest_recovers_from_a_broken_welcome_message(house: House) -> None:
    ada, _ = await house.join(1, 2)
    await house.grouped(1, 2)
    house.server.corrupt_next_welcome(CHANNEL, 3)
    (cleo,) = await house.join(3)
    await house.grouped(1, 2, 3)
    await house.hears(cleo, ada, 1)
    await house.hears(ada, cleo, 3)


@pytest.mark.parametrize("code", [4006, 4014, 4015, 4017, 4021, 4022])
async def test_close_codes_reach_the_client(house: House, code: int) -> None:
    (ada,) = await house.join(1)
    await house.server.close(1, code)
    await wait_until(lambda: ada.close_code == code)


async def test_a_wrong_ticket_is_refused(house: House) -> None:
    ticket = VoiceTicket(1, CHANNEL, 9, "session", "token")
    house.server.admit(ticket)
    forged = VoicePeer(VoiceTicket(1, CHANNEL, 9, "session", "guess"), house.server.endpoint, house.trusting)
    with pytest.raises(ConnectionError, match="4006"):
        await forged.connect()


async def test_loss_and_duplicates_happen_as_often_as_they_are_set(house: House) -> None:
    ada, ben = await house.join(1, 2)
    await house.grouped(1, 2)
    house.server.network.down = Conditions(loss=0.5)
    await ada.speak(tone(1.0))
    await wait_until(lambda: len(ben.receiver.voiced_packets(1)) > 5)
    await asyncio.sleep(0.05)
    heard = len(ben.receiver.voiced_packets(1))
    assert 5 < heard < 45
    house.server.network.down = Conditions(duplicate=1.0)
    since = ben.receiver.count(1)
    await ada.speak(tone(0.2))
    await wait_until(lambda: ben.receiver.count(1) - since > 10)


async def test_a_packet_that_was_damaged_on_its_way_is_not_heard(house: House) -> None:
    ada, ben = await house.join(1, 2)
    await house.grouped(1, 2)
    relayed = len(house.server.relay.log)
    house.server.network.down = Conditions(damage=1.0)
    await ada.speak(tone(0.2))
    await wait_until(lambda: len(house.server.relay.log) - relayed >= 10)
    house.server.network.down = Conditions()
    assert not ben.receiver.voiced_packets(1)
    await house.hears(ben, ada, 1)


def test_each_kind_of_microphone_sends_its_own_packets() -> None:
    sound = np.concatenate([tone(0.2), np.zeros(48_000, np.float32), tone(0.2)])
    assert all(frame is not None for frame in PushToTalk().frames(sound))
    opened = list(OpenMicrophone(before=0.1, after=0.1).frames(sound))
    assert len(opened) == 80
    assert all(frame is not None and np.any(frame) for frame in opened)
    gated = [frame is not None for frame in VoiceActivity(hang_over=0.2).frames(sound)]
    assert gated[:10] == [True] * 10, "speech passes"
    assert 8 <= sum(gated[10:60]) <= 11, "the hang-over passes and no more"
    assert gated[-10:] == [True] * 10, "the gate opens again"
