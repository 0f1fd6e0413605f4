"""The short form of ``make fuzz``: no parser of bytes from outside raises anything but its documented error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing.fuzz import fuzz
from tests.fuzzing.parsers import KINDS, Kind


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_damaged_messages_are_read_or_refused(kind: Kind, tmp_path: Path) -> None:
    assert fuzz(kind, kind.short, tmp_path).failures == ()
