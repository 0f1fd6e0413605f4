"""The sound of each reply is charged once, to its asker and for the server that made it, however the reply ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from bot.metering import Account
from bot.speech_server.address import ServerAddress
from bot.speech_server.charged_sound import ChargedSound
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

    def sound(self) -> ChargedSound:
        return ChargedSound(lambda *charge: self.made.append(charge), lambda: self.asker)


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
    assert charges.made == [], "the first sound does not wait for the charging"
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
    assert charges.made == [(NEAR, ADA, 1.0), (NEAR, BEN, 1.0)], "the call is over"


def test_each_of_two_servers_that_speak_a_reply_is_charged_for_its_own_part() -> None:
    charges = Charges()
    sound = charges.sound()
    for server in (NEAR, FAR):
        for event in segment("r1"):
            sound.came(event, server)
    sound.came(Flushed(1.0, 2_000.0, "r1"), FAR)
    assert charges.made == [(NEAR, ADA, 1.0), (FAR, ADA, 1.0)]
