"""The core: it needs no Discord, tells its listeners of the end of a call, and starts MCP servers if they help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from bot.call_ends import CallEnds
from bot.core import Core
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


async def test_a_listener_that_stops_listening_is_told_of_no_further_end_and_the_others_are() -> None:
    told: list[str] = []
    ends = CallEnds()

    async def note_once(_: object, __: EndCause) -> None:
        told.append("once")
        stop_listening()

    async def note(_: object, __: EndCause) -> None:
        told.append("always")

    stop_listening = ends.subscribe(note_once)
    ends.subscribe(note)
    for _ in range(2):
        await ends(Call.__new__(Call), EndCause.ALONE)
    assert told == ["once", "always", "always"]


@pytest.mark.parametrize("takes_tools", [True, False])
async def test_mcp_servers_are_started_only_if_the_model_takes_tools(
    takes_tools: bool, caplog: pytest.LogCaptureFixture
) -> None:
    tools, models = Mock(run=AsyncMock()), Mock(learn_model_sizes=AsyncMock())
    models.take_tools.side_effect = lambda names: takes_tools and names == {None, "larger"}
    personas = {"seiyuu": Mock(model=None), "helper": Mock(model="larger")}
    core: Any = SimpleNamespace(
        tools=tools,
        engines=SimpleNamespace(models=models),
        characters=SimpleNamespace(personas=personas),
        settings=SimpleNamespace(tools_file=Path("tools.yaml")),
    )
    await Core._run_tool_servers(core)
    models.learn_model_sizes.assert_awaited_once()
    assert tools.run.await_count == takes_tools
    assert [record.getMessage() for record in caplog.records] == (
        []
        if takes_tools
        else ["The MCP servers of TOOLS_FILE=tools.yaml are not started: the model is too small for tools"]
    )
