"""The verdicts of a benchmark: spoken turns over ``/v1/realtime`` and ``/process_call`` may take little longer than
over ``/ws/chat``, by their medians.
"""

from __future__ import annotations

import pytest

from benchmarks.api_turns import verdicts
from benchmarks.spoken_turns import ChatTurns, ProcessCallTurns, RealtimeTurns


@pytest.mark.parametrize(
    ("realtime", "process_call", "met"),
    [
        ([640.0, 660.0, 900.0], [650.0, 650.0, 650.0], [True, True]),
        ([691.0, 691.0, 10.0], [690.0, 690.0, 690.0], [False, True]),
        ([500.0], [690.1], [True, False]),
    ],
)
def test_each_median_is_compared_with_that_of_ws_chat(
    realtime: list[float], process_call: list[float], met: list[bool]
) -> None:
    found = verdicts(
        {ChatTurns.name: [600.0, 640.0, 700.0], RealtimeTurns.name: realtime, ProcessCallTurns.name: process_call}
    )
    assert [each for _, each in found] == met
    assert [text.split()[0] for text, _ in found] == [RealtimeTurns.name, ProcessCallTurns.name]
