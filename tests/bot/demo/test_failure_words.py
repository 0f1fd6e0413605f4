"""The sentence about a very busy machine, which the demonstration adds to its message if the call fails."""

from __future__ import annotations

import pytest

from bot.cores import busy_text


@pytest.mark.parametrize(("load", "cores", "said"), [(14.2, 2, "load 14.2"), (5.0, 2, ""), (4.0, 8, "")])
def test_the_message_says_if_the_machine_is_very_busy(load: float, cores: int, said: str) -> None:
    assert said in busy_text(load, cores)
    assert bool(busy_text(load, cores)) is bool(said)
