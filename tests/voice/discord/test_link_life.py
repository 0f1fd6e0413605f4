"""A voice connection that carries nothing any more is made anew, and given up only if its gateway is soon silent again.

A call in which nobody speaks is never ended.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.discord.link_life import (
    HEALED_FOR,
    PATH_HEALED_FOR,
    PROBE_AFTER,
    SILENCE_LIMIT,
    UNHEARD_LIMIT,
    LinkLife,
    Verdict,
)
from tests.timing import Clock

HEARTBEAT = 5.0


class Link:
    """A link, which is judged every half second. A test can switch off its signs of life.

    These are the answers of the gateway, and the answers on the path of the voice packets.
    """

    def __init__(self) -> None:
        self.clock = Clock(1_000.0)
        self.life = LinkLife(self.clock)
        self.gateway_answers = self.path_answers = True
        self.people = True

    def run(self, seconds: float) -> list[Verdict]:
        """Let time pass. Returns the verdicts that ask for more than a probe."""
        found: list[Verdict] = []
        for half in range(round(2 * seconds)):
            self.clock.now += 0.5
            if self.gateway_answers and half % (2 * HEARTBEAT) == 0:
                self.life.gateway_spoke()
            verdict = self.life.step(people=self.people)
            if verdict is Verdict.PROBE and self.path_answers:
                self.life.datagram_came(answer=True)
            elif verdict in (Verdict.HEAL, Verdict.NO_PACKETS):
                self.life.connected()
            if verdict not in (Verdict.ALIVE, Verdict.PROBE):
                found.append(verdict)
            if verdict is Verdict.GIVE_UP:
                break
        return found


@pytest.fixture
def link() -> Link:
    return Link()


def test_a_call_in_which_nobody_speaks_goes_on_for_ever(link: Link) -> None:
    assert link.run(7_200) == []


def test_a_server_that_never_answers_probes_is_not_taken_for_dead(link: Link) -> None:
    link.path_answers = False
    assert link.run(7_200) == []


def test_if_the_gateway_answers_no_heartbeat_the_connection_is_made_anew_once_and_then_given_up(link: Link) -> None:
    link.run(60)
    link.gateway_answers = False
    assert link.run(SILENCE_LIMIT - HEARTBEAT - 1) == []
    assert link.run(HEARTBEAT + 2) == [Verdict.HEAL]
    assert link.run(SILENCE_LIMIT + 1) == [Verdict.GIVE_UP]


def test_a_connection_that_was_made_anew_and_lived_may_be_made_anew_again(link: Link) -> None:
    for _ in range(3):
        link.gateway_answers = False
        assert link.run(SILENCE_LIMIT + 1) == [Verdict.HEAL]
        link.gateway_answers = True
        assert link.run(HEALED_FOR) == []


def test_a_path_that_answered_and_falls_silent_is_made_anew_and_never_ends_the_call(link: Link) -> None:
    link.run(60)
    link.path_answers = False
    assert link.run(PROBE_AFTER + SILENCE_LIMIT + HEARTBEAT) == [Verdict.NO_PACKETS]
    assert link.run(PATH_HEALED_FOR) == []
    # On the new connection, the path has never answered, so its silence means nothing.
    assert link.run(7_200) == []


def test_somebody_who_speaks_and_is_not_heard_shows_that_the_path_is_dead(link: Link) -> None:
    link.path_answers = False
    link.run(60)
    link.life.somebody_speaks()
    assert link.run(UNHEARD_LIMIT - 1) == []
    assert link.run(2) == [Verdict.NO_PACKETS]


def test_in_a_young_call_the_path_is_probed_before_somebody_counts_as_not_heard(link: Link) -> None:
    link.path_answers = False
    link.run(2)
    link.life.somebody_speaks()
    assert link.run(PROBE_AFTER + HEARTBEAT) == []
    assert link.run(2 * HEARTBEAT) == [Verdict.NO_PACKETS]


@pytest.mark.parametrize("late", [0.0, 0.5])
def test_somebody_who_is_heard_at_the_same_time_does_not_show_that_the_path_is_dead(link: Link, late: float) -> None:
    link.path_answers = False
    link.run(60)
    link.life.datagram_came()
    link.clock.now += late
    link.life.somebody_speaks()
    assert link.run(7_200) == []


def test_somebody_whose_first_packet_is_late_is_heard(link: Link) -> None:
    link.path_answers = False
    link.run(60)
    link.life.somebody_speaks()
    link.run(UNHEARD_LIMIT / 2)
    link.life.datagram_came()
    assert link.run(7_200) == []


def test_somebody_who_loses_the_way_to_discord_does_not_end_the_call(link: Link) -> None:
    link.run(60)
    link.life.somebody_speaks()
    assert link.run(7_200) == []


def test_a_path_that_answers_only_now_and_then_is_not_made_anew_often(link: Link) -> None:
    found: list[Verdict] = []
    for _ in range(20):
        link.path_answers = not link.path_answers
        found += link.run(60)
    assert Verdict.GIVE_UP not in found
    assert len(found) <= 1 + 20 * 60 / PATH_HEALED_FOR


def test_voice_packets_are_signs_of_life_of_their_path(link: Link) -> None:
    link.run(60)
    link.path_answers = False
    for _ in range(600):
        link.life.datagram_came()
        assert link.run(0.5) == []


def test_nothing_is_made_anew_while_nobody_is_there(link: Link) -> None:
    link.gateway_answers = link.path_answers = link.people = False
    assert link.run(600) == []
    link.people = True
    assert link.run(SILENCE_LIMIT - 1) == []
    assert link.run(2) == [Verdict.HEAL]


def test_the_time_in_which_the_process_stood_still_is_no_silence_of_the_server(link: Link) -> None:
    link.run(60)
    link.clock.now += 3_600
    assert link.life.step(people=True) is Verdict.ALIVE
    assert link.run(HEARTBEAT) == []


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.5, 120.0)), max_size=30))
def test_a_call_goes_on_while_the_gateway_answers_whatever_happens_on_the_path(
    history: list[tuple[bool, bool, float]],
) -> None:
    link = Link()
    for answers, speaks, seconds in history:
        link.path_answers = answers
        if speaks:
            link.life.somebody_speaks()
        assert Verdict.GIVE_UP not in link.run(seconds)
