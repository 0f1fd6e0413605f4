"""The sound of each reply is charged once, to its asker and for the server that made it, however the reply ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from audio.samples import Samples
from bot.metering import Account
from bot.speech_server.address import ServerAddress
from bot.speech_server.charged_sound import CHARACTERS_PER_SECOND, LONGEST_SEGMENT, ChargedSound
from bot.speech_server.events import Disconnected, SegmentAudio, SpeechEvent
from wire.messages import Cancelled, Failure, Flushed, SegmentEnd, SegmentStart

ADA, BEN = Account(1, 11), Account(1, 12)
NEAR, FAR = ServerAddress("ws://near.example/ws/stream"), ServerAddress("ws://far.example/ws/stream")
SECOND = np.zeros(48_000, np.float32)


@dataclass
class Charges:
    """What is charged, and who is being answered."""

    asker: Account = ADA
    made: list[tuple[ServerAddress, Account, float]] = field(default_factory=list)
    paid: list[tuple[ServerAddress, Account, float]] = field(default_factory=list)

    def sound(self) -> ChargedSound:
        return ChargedSound(
            lambda *charge: self.made.append(charge), lambda *charge: self.paid.append(charge), lambda: self.asker
        )


def segment(reply: str, number: int = 0) -> list[SpeechEvent]:
    return [
        SegmentStart(number, "Well,", reply),
        SegmentAudio(reply, number, SECOND),
        SegmentEnd(number, 48_000, reply),
    ]


@pytest.mark.parametrize(
    "end",
    [Flushed(1.0, 2_000.0, "r1"), Cancelled("r1"), Failure("no", "engine_failed", "r1"), Disconnected("gone")],
    ids=lambda event: type(event).__name__,
)
def test_a_reply_is_charged_once_when_its_sound_is_over(end: SpeechEvent) -> None:
    charges = Charges()
    sound = charges.sound()
    for event in (*segment("r1"), *segment("r1", 1)):
        sound.came(event, NEAR)
    assert charges.made == [], "nothing is charged before its sound is over, so no sound waits for it"
    charges.asker = BEN
    sound.came(end, NEAR)
    assert charges.made == [(NEAR, ADA, 2.0)]
    sound.end()
    assert charges.made == [(NEAR, ADA, 2.0)]


def test_a_reply_that_never_ends_is_charged_to_its_own_asker() -> None:
    charges = Charges()
    sound = charges.sound()
    for event in segment("r1"):
        sound.came(event, NEAR)
    charges.asker = BEN
    for event in segment("r2"):
        sound.came(event, NEAR)
    assert charges.made == [(NEAR, ADA, 1.0)]
    sound.end()
    assert charges.made == [(NEAR, ADA, 1.0), (NEAR, BEN, 1.0)], "the end of the call charges the open reply"


def test_each_of_two_servers_that_speak_a_reply_is_charged_for_its_own_part() -> None:
    charges = Charges()
    sound = charges.sound()
    for server in (NEAR, FAR):
        for event in segment("r1"):
            sound.came(event, server)
    sound.came(Flushed(1.0, 2_000.0, "r1"), FAR)
    assert charges.made == [(NEAR, ADA, 1.0), (FAR, ADA, 1.0)]


PAID_TEXT = "What a paid voice was asked to say: 45 signs."


@pytest.mark.parametrize(
    ("sound", "end", "paid"),
    [
        ([SECOND], Cancelled("r1"), 3.0),
        ([], Cancelled("r1"), 3.0),
        ([SECOND] * 4, Cancelled("r1"), 4.0),
        ([SECOND], Disconnected("gone"), 3.0),
        ([SECOND], SegmentStart(0, "Well,", "r2"), 3.0),
        # The engine has failed, so it has not spoken the rest.
        ([SECOND], Failure("no", "engine_failed", "r1"), 1.0),
        ([], Failure("no", "engine_failed", "r1"), None),
    ],
)
def test_a_segment_that_costs_money_is_charged_whole_if_it_is_interrupted(
    sound: list[Samples], end: SpeechEvent, paid: float | None
) -> None:
    assert len(PAID_TEXT) == 3 * CHARACTERS_PER_SECOND
    charges = Charges()
    charged = charges.sound()
    paid_one = SegmentStart(1, PAID_TEXT, "r1", costs_money=True)
    heard = [SegmentAudio("r1", 1, each) for each in sound]
    for event in (*segment("r1"), paid_one, *heard, end):
        charged.came(event, NEAR)
    assert charges.made == [(NEAR, ADA, 1.0)]
    assert [seconds for *_, seconds in charges.paid] == ([] if paid is None else [paid])
    charged.end()
    assert len(charges.made) == 1


def test_a_segment_that_another_engine_has_spoken_for_nothing_is_not_charged_as_paid() -> None:
    charges = Charges()
    charged = charges.sound()
    asked = [SegmentStart(0, PAID_TEXT, "r1", costs_money=True), *segment("r1")[1:], Cancelled("r1")]
    for event in asked:
        charged.came(event, NEAR)
    assert (charges.made, charges.paid) == ([(NEAR, ADA, 1.0)], [])


def test_no_server_can_charge_hours_by_naming_a_long_text() -> None:
    charges = Charges()
    charged = charges.sound()
    for event in (SegmentStart(0, "x" * 1_000_000, "r1", costs_money=True), Cancelled("r1")):
        charged.came(event, NEAR)
    assert charges.paid == [(NEAR, ADA, LONGEST_SEGMENT)]


def test_segments_that_cost_money_as_their_server_says_are_charged_apart() -> None:
    charges = Charges()
    sound = charges.sound()
    foreign = [*segment("r1", 1)[:2], SegmentEnd(1, 48_000, "r1", costs_money=True)]
    for event in (*segment("r1"), *foreign, *segment("r1", 2), Flushed(1.0, 3_000.0, "r1")):
        sound.came(event, NEAR)
    assert (charges.made, charges.paid) == ([(NEAR, ADA, 2.0)], [(NEAR, ADA, 1.0)])
    for event in (*foreign, Flushed(1.0, 1_000.0, "r2")):
        sound.came(event, NEAR)
    assert (charges.made[1:], charges.paid[1:]) == ([], [(NEAR, ADA, 1.0)])
