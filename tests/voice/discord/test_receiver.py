"""Tests of the receiver: it orders packets, fills gaps, knows who has sent what, and drops what must not be heard."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest

from bot.voice.frames import AudioFrame, PersonLeft
from sandbox.voice.rtp import MODES
from tests.voice.discord.channel import ADA, BEN, Channel, Talker, sealed_for, shuffled
from tests.voice.effects import only


def test_speech_is_heard_at_sixteen_kilohertz_and_nothing_is_added() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.receiver.speaking(77, ADA)
    channel.take(*(ada.voiced() for _ in range(50)))
    assert channel.seconds(ADA) == pytest.approx(1.0)
    sound = np.concatenate([event.sound for event in only(AudioFrame, channel.heard)])
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) == pytest.approx(440, abs=5)
    arrivals = [event.at for event in only(AudioFrame, channel.heard)]
    assert np.allclose(np.diff(arrivals), 0.02)


@pytest.mark.parametrize("mode", MODES)
def test_both_transport_modes_are_decrypted(mode: str) -> None:
    from bot.voice.discord.rtp import transport_cipher
    from tests.voice.discord.channel import KEY

    channel, ada = Channel(), Talker(ADA, 77, mode=mode)
    channel.wire.cipher = transport_cipher(mode, KEY)
    channel.take(*(ada.voiced() for _ in range(5)))
    assert channel.seconds(ADA) == pytest.approx(0.1)


def test_padding_and_extensions_are_removed_before_the_end_to_end_decryption() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    extension_header, extension_body = struct.pack(">HH", 0xBEDE, 1), b"\x10\xff\x00\x00"
    padded = ada.packet(sealed_for(ADA, ada.opus()), first=0xA0, behind=b"\x00\x00\x03")
    extended = ada.packet(extension_body + sealed_for(ADA, ada.opus()), first=0x90, extension=extension_header)
    both = ada.packet(
        extension_body + sealed_for(ADA, ada.opus()), first=0xB0, extension=extension_header, behind=b"\x01"
    )
    channel.take(padded, extended, both)
    assert channel.seconds(ADA) == pytest.approx(0.06)


def test_packets_out_of_order_are_put_in_order() -> None:
    straight, mixed = Channel(), Channel()
    packets = [packet for talker in [Talker(ADA, 77)] for packet in (talker.voiced() for _ in range(10))]
    straight.take(*packets)
    mixed.take(*shuffled(packets, [0, 2, 1, 3, 5, 4, 6, 7, 9, 8]))
    assert b"".join(e.sound.tobytes() for e in only(AudioFrame, straight.heard)) == b"".join(
        e.sound.tobytes() for e in only(AudioFrame, mixed.heard)
    )


def test_a_lost_packet_is_concealed_within_sixty_milliseconds() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    packets = [ada.voiced() for _ in range(20)]
    channel.take(*packets[:10], *packets[11:])
    channel.wait(0.06)
    assert channel.seconds(ADA) == pytest.approx(0.4)
    assert channel.receiver.counters.lost == 1


def test_no_packet_is_lost_when_sequence_numbers_wrap_around() -> None:
    channel, ada = Channel(), Talker(ADA, 77, sequence=65_530)
    channel.take(*(ada.voiced() for _ in range(12)))
    assert channel.seconds(ADA) == pytest.approx(0.24)


def test_a_replayed_packet_is_heard_once() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    packets = [ada.voiced() for _ in range(5)]
    channel.take(*packets, *packets, packets[0])
    assert channel.seconds(ADA) == pytest.approx(0.1)


def test_frames_of_silence_end_a_transmission_at_once_and_missing_packets_end_it_too() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.take(ada.voiced(), ada.voiced(), *(ada.silent() for _ in range(5)))
    assert [end.announced for end in channel.ends()] == [True]
    channel.take(ada.voiced())
    channel.wait(0.5)
    assert [end.announced for end in channel.ends()] == [True, False]
    assert channel.seconds(ADA) == pytest.approx(0.06)


def test_packets_after_a_stall_of_the_network_continue_the_sound() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.take(ada.voiced())
    channel.wait(0.5)
    channel.take(ada.voiced(), ada.voiced())
    assert [frame.delayed for frame in only(AudioFrame, channel.heard)] == [False, True, False]


@pytest.mark.parametrize("paused", [5, 1])
def test_packets_after_a_pause_of_the_person_do_not_continue_the_sound(paused: int) -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.take(ada.voiced(), *(ada.silent() for _ in range(paused)))
    channel.wait(0.5)
    channel.take(ada.voiced())
    assert [frame.delayed for frame in only(AudioFrame, channel.heard)] == [False, False]


@pytest.mark.parametrize("lost", [5, 100, -30])
def test_packets_after_a_stall_that_lost_packets_do_not_continue_the_sound(lost: int) -> None:
    channel, ada = Channel(), Talker(ADA, 77, sequence=500)
    channel.take(ada.voiced())
    channel.wait(0.5)
    ada.sequence += lost
    channel.take(*(ada.voiced() for _ in range(5)))
    channel.wait(0.1)
    assert not any(frame.delayed for frame in only(AudioFrame, channel.heard))
    assert channel.seconds(ADA) > 0.02


def test_the_key_identifies_the_speaker_before_discord_names_them() -> None:
    channel, ben = Channel(), Talker(BEN, 88)
    channel.take(*(ben.voiced() for _ in range(5)))
    assert channel.seconds(BEN) == pytest.approx(0.1)


def test_a_stream_with_a_false_owner_is_attributed_to_its_real_sender() -> None:
    channel, liar = Channel(), Talker(BEN, 77)
    channel.receiver.speaking(77, ADA)
    channel.take(*(liar.voiced() for _ in range(5)))
    assert channel.seconds(ADA) == 0
    assert channel.seconds(BEN) == pytest.approx(0.1)


def test_packets_from_before_the_key_are_heard_in_order_after_it_has_arrived() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.group.people.remove(ADA)
    channel.take(*(ada.voiced() for _ in range(50)))
    assert channel.seconds(ADA) == 0
    channel.group.people.append(ADA)
    channel.take(*(ada.voiced() for _ in range(10)))
    assert channel.seconds(ADA) == pytest.approx(1.2)


def test_packets_that_can_not_be_decrypted_are_dropped_after_two_seconds() -> None:
    channel, stranger = Channel(), Talker(9, 99)
    channel.take(*(stranger.voiced() for _ in range(10)))
    channel.wait(2.5)
    assert channel.receiver.counters.not_decrypted == 10
    assert channel.receiver.deadline is None
    channel.group.people.append(9)
    channel.wait(1.0)
    assert channel.heard == []


def test_ciphertext_and_plain_frames_do_not_reach_the_decoder_while_all_must_be_encrypted() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.receiver.speaking(77, ADA)
    channel.take(ada.packet(ada.opus()), ada.packet(sealed_for(7, ada.opus())))
    channel.wait(3.0)
    assert channel.seconds(ADA) == 0


def test_plain_frames_are_heard_after_a_downgrade_and_for_a_while_after_an_upgrade() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.receiver.speaking(77, ADA)
    channel.group.version = 0
    channel.take(ada.packet(ada.opus()))
    channel.group.version = 1
    channel.take(ada.packet(ada.opus()), ada.voiced())
    assert channel.seconds(ADA) == pytest.approx(0.06)
    channel.wait(11.0)
    channel.take(ada.packet(ada.opus()))
    assert channel.seconds(ADA) == pytest.approx(0.06)


def test_a_person_who_opted_out_is_not_heard_whether_discord_or_the_key_tells_who_they_are() -> None:
    channel, ada, ben = Channel(admitted={BEN}), Talker(ADA, 77), Talker(BEN, 88)
    channel.take(*(ada.voiced() for _ in range(5)), ben.voiced())
    channel.receiver.speaking(77, ADA)
    channel.take(*(ada.voiced() for _ in range(5)), ben.voiced())
    assert channel.seconds(ADA) == 0
    assert channel.seconds(BEN) == pytest.approx(0.04)
    assert channel.receiver.counters.refused == 10


def test_a_person_who_comes_back_is_heard_with_a_new_ssrc() -> None:
    channel, ada = Channel(), Talker(ADA, 77)
    channel.receiver.speaking(77, ADA)
    channel.take(ada.voiced())
    channel.receiver.person_left(ADA, channel.now)
    assert isinstance(channel.heard[-1], PersonLeft)
    again = Talker(ADA, 78)
    channel.receiver.speaking(78, ADA)
    channel.take(again.voiced())
    assert channel.seconds(ADA) == pytest.approx(0.04)


def test_a_stream_that_restarts_with_its_old_ssrc_is_heard() -> None:
    channel, ada = Channel(), Talker(ADA, 77, sequence=20_000)
    channel.take(*(ada.voiced() for _ in range(5)))
    channel.wait(2.0)
    ada.sequence = 10
    channel.take(*(ada.voiced() for _ in range(20)))
    assert channel.seconds(ADA) > 0.1 + 0.4 - 0.1


def test_hostile_datagrams_raise_nothing_are_not_heard_and_leave_nothing_behind() -> None:
    channel, ada, stranger = Channel(), Talker(ADA, 77), Talker(9, 99)
    random = np.random.default_rng(1)
    whole = ada.voiced()
    forged = [stranger.packet(sealed_for(9, bytes(random.bytes(40)))) for _ in range(200)]
    hostile = [
        *(bytes(random.bytes(int(random.integers(0, 1_400)))) for _ in range(3_000)),
        *(whole[:length] for length in range(len(whole))),
        *(b"\x80\xc8" + bytes(random.bytes(60)) for _ in range(200)),
        *(bytes([whole[0] | 0x0F, *whole[1:]]), bytes([whole[0] | 0x30, *whole[1:]])),
        *forged,
    ]

    def attack(rounds: int) -> None:
        for _ in range(rounds):
            for datagram in hostile:
                channel.receiver.datagram(datagram, channel.now)
            channel.wait(1.0)

    attack(3)
    tracemalloc.start()
    attack(1)
    before = tracemalloc.get_traced_memory()[0]
    attack(20)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    heard = len(channel.heard)
    assert heard == 0
    assert grown < 200_000


def test_a_transmission_is_over_at_its_deadline_whatever_the_clock_shows() -> None:
    for number in range(200):
        channel, ada = Channel(now=128.64 + 0.001 * number), Talker(ADA, 77)
        channel.receiver.speaking(77, ADA)
        channel.receiver.datagram(ada.voiced(), channel.now)
        due = channel.receiver.deadline
        assert due is not None
        channel.receiver.tick(due)
        assert (len(channel.ends()), channel.receiver.deadline) == (1, None)
