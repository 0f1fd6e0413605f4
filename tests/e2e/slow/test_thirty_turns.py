"""Tests of three people who talk at the same time, ten turns each: the utterances have the right speakers."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.voice.network import Conditions
from tests.e2e.conftest import StageMaker
from tests.e2e.talking import UTTERANCES, Since, join_people, talk_at_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PERFECT = Conditions()
BAD = Conditions(loss=0.05, jitter=0.04, reorder=0.02, hold=0.03)


@pytest.mark.parametrize(
    ("network", "right"), [pytest.param(PERFECT, 29, id="perfect"), pytest.param(BAD, 27, id="bad")]
)
@pytest.mark.parametrize("seed", [1, 2])
async def test_every_turn_has_the_right_speaker_and_nearly_every_text_is_right(
    make_stage: StageMaker, speech_server: str, network: Conditions, right: int, seed: int
) -> None:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        await stage.join()
        ben, dan = await join_people(stage, "Ben", "Dan")
        since = Since(stage)
        stage.sandbox.voice_server.network.up = network
        shifted = (UTTERANCES[3:] + UTTERANCES[:3], UTTERANCES[6:] + UTTERANCES[:6])
        said = await talk_at_once((stage.ada, UTTERANCES), (ben, shifted[0]), (dan, shifted[1]), seed=seed)
        await stage.until(lambda: len(since.utterances) >= right, "the last utterances")
        assert since.count_right(said) >= right, f"wrong: {Counter(since.utterances) - Counter(said)}"
        turns = Counter(author for author, _ in since.utterances)
        assert all(right - 20 <= turns[name] <= 10 for name in ("Ada", "Ben", "Dan")), turns
