"""The core knows nothing of Discord, so the page can use it without Discord."""

from __future__ import annotations

import subprocess
import sys

from bot.call_ends import CallEnds
from bot.voice.call import Call
from bot.voice.transport import EndCause
from config.project import ROOT

WITHOUT_DISCORD = """
import sys
import bot.core, bot.talk, bot.web
print([name for name in sys.modules if name.partition(".")[0] == "discord"])
"""


def test_the_core_and_the_page_import_nothing_of_discord() -> None:
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_DISCORD], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


async def test_a_listener_that_fails_at_the_end_of_a_call_does_not_affect_the_others() -> None:
    told: list[EndCause] = []
    call = Call.__new__(Call)

    async def fail(_: object, __: EndCause) -> None:
        raise RuntimeError("unwell")

    async def note(ended: object, cause: EndCause) -> None:
        assert ended is call
        told.append(cause)

    ends = CallEnds()
    for each in (fail, note):
        ends.subscribe(each)
    await ends(call, EndCause.ALONE)
    assert told == [EndCause.ALONE]
