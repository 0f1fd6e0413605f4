"""Tests of the jitter buffer with packets in any order, lost packets and duplicates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.voice.jitter import MAX_GAP, MAX_WAIT, JitterBuffer


def test_nothing_waits_while_packets_come_in_order() -> None:
    buffer = JitterBuffer[bytes]()
    for number in range(5):
        assert [frame.content for frame in buffer.push(number, bytes([number]), number * 0.02)] == [bytes([number])]
        assert buffer.deadline is None


def test_the_buffer_waits_for_a_missing_packet_and_then_counts_it() -> None:
    buffer = JitterBuffer[bytes]()
    buffer.push(0, b"0", 0.0)
    assert buffer.push(3, b"3", 0.02) == []
    deadline = buffer.deadline
    assert deadline is not None and deadline - 0.02 <= MAX_WAIT
    (frame,) = buffer.tick(deadline)
    assert (frame.content, frame.lost) == (b"3", 2)


def test_the_wait_grows_with_the_delay_of_the_network() -> None:
    buffer = JitterBuffer[bytes]()
    buffer.push(0, b"0", 0.0)
    buffer.push(2, b"2", 0.02)
    first = (buffer.deadline or 0) - 0.02
    buffer.push(1, b"1", 0.06)
    buffer.push(4, b"4", 0.08)
    assert (buffer.deadline or 0) - 0.08 > first


def test_a_large_gap_does_not_count_as_lost_packets() -> None:
    buffer = JitterBuffer[bytes]()
    buffer.push(0, b"0", 0.0)
    (frame,) = buffer.push(MAX_GAP + 10, b"x", 0.02)
    assert frame.lost == 0


@given(
    start=st.integers(0, 65_535),
    order=st.permutations(range(40)),
    lost=st.sets(st.integers(0, 39)),
    doubled=st.sets(st.integers(0, 39)),
)
def test_frames_come_out_in_order_and_never_twice(
    start: int, order: list[int], lost: set[int], doubled: set[int]
) -> None:
    buffer = JitterBuffer[bytes]()
    # As in real networks, no packet is more than a few places too early or too late.
    arrivals = sorted(range(40), key=lambda number: number + order[number] % 4)
    out: list[int] = []
    now = 0.0
    for number in arrivals:
        if number in lost:
            continue
        for _ in range(2 if number in doubled else 1):
            out += [frame.content[0] for frame in buffer.push((start + number) % 65_536, bytes([number]), now)]
        now += 0.02
        out += [frame.content[0] for frame in buffer.tick(now)]
    out += [frame.content[0] for frame in buffer.flush()]
    assert out == sorted(set(out))
    assert set(out) <= set(range(40)) - lost
