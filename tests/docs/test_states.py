"""The documents explain all stages of a reply in ``!voice-status``, and all fields of ``health --json``."""

from __future__ import annotations

import json
import re

from bot.health import CONNECTED, IDLE, READY, Health
from bot.voice.metrics import STAGES
from tests.docs.pages import OPERATOR, USER, lines, rows


def test_the_sample_of_the_status_has_the_stages_of_a_typed_prompt() -> None:
    text = "\n".join(line.text for line in lines(USER))
    sample = re.findall(r"^      ([a-z ]+): \d+ ms", text, re.M)
    assert sample == list(STAGES.values())[-len(sample) :]
    told = {code for row in rows(USER, "line") for code in row.code(0)}
    assert set(STAGES.values()) - set(sample) <= told


def test_the_guide_explains_every_field_of_the_health() -> None:
    (sample,) = [json.loads(line.text) for line in lines(OPERATOR) if line.text.startswith('    {"status"')]
    healthy = Health(CONNECTED, READY, READY, READY, IDLE)
    assert sample == healthy.fields()
    assert [code for row in rows(OPERATOR, "field") for code in row.code(0)] == list(sample)
