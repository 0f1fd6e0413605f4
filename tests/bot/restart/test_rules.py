"""When the bot goes back into a call that its restart has interrupted."""

from __future__ import annotations

import pytest

from bot.restart.rules import RETURN_LIMIT, RoomNow, goes_back

ADA, BEN, EVE = 1, 2, 3
CALL = frozenset({ADA, BEN})


@pytest.mark.parametrize(
    ("people", "since", "welcome", "goes"),
    [
        ({ADA, BEN}, 5.0, True, True),
        ({ADA}, 5.0, True, True),
        ({ADA, BEN}, RETURN_LIMIT, True, True),
        ({ADA, BEN}, -5.0, True, True),
        ({ADA, BEN}, RETURN_LIMIT + 1, True, False),
        ({ADA, BEN}, -RETURN_LIMIT - 1, True, False),
        ({ADA, BEN}, 5.0, False, False),
        ({ADA, BEN, EVE}, 5.0, True, False),
        ({EVE}, 5.0, True, False),
        (set[int](), 5.0, True, False),
    ],
    ids=[
        *("all are there", "one has left", "just in time", "the clock was set back", "too late", "another day"),
        *("not welcome", "somebody new", "only somebody new", "nobody"),
    ],
)
def test_the_bot_goes_back_only_to_the_people_of_the_call(
    people: set[int], since: float, welcome: bool, goes: bool
) -> None:
    assert goes_back(CALL, since, RoomNow(frozenset(people), welcome)) is goes


def test_the_bot_goes_into_no_channel_that_it_does_not_see() -> None:
    assert not goes_back(CALL, 5.0, None)
