"""The developer guide's Python does what the guide says, and the classes and files that it names exist."""

from __future__ import annotations

import asyncio
import re
from pathlib import PurePosixPath
from typing import Any
from unittest.mock import AsyncMock, create_autospec

from bot.calls import Calls
from bot.feature import FeatureBuilder, FeatureParts
from bot.lease import Lease
from bot.voice.call import Call
from bot.voice.dialogue.conversation import Conversation
from bot.work_gate import WorkGate
from config.feature_sections import DrawSettings
from config.project import ROOT
from config.settings import Settings
from tests.docs.code_blocks import GUIDE, blocks_under, python_blocks
from tests.docs.pages import API, CODE, EXAMPLES, PAGES, SANDBOX, lines

COMMAND, FEATURE, TEST = "A command", "A feature that competes for the card", "Testing"
FOREIGN = {"AsyncExitStack"}
"""Classes of Python's own that the guide names."""
_CLASS = re.compile(r"^(?:class )?([A-Z]\w+)(?=[(:]| = )", re.M)


def run(heading: str) -> dict[str, Any]:
    """Run the blocks under a heading, one after the other. Returns all that they define, by name."""
    names: dict[str, Any] = {"__name__": "guide"}
    for block in blocks_under(heading):
        exec(block.compiled(), names)  # noqa: S102 - the code is in our own document
    return names


def test_every_python_block_of_the_guide_is_run_by_a_test() -> None:
    """The blocks under :data:`TEST` need a running bot. ``tests/e2e/test_guide_example.py`` runs them."""
    assert [block.heading for block in python_blocks(GUIDE)] == [COMMAND, FEATURE, FEATURE, TEST]


def test_every_document_with_python_blocks_is_run_by_a_test() -> None:
    """The other pages' blocks are run by ``test_api_code.py``, ``test_examples.py`` and ``test_sandbox_code.py``."""
    assert {block.page for page in PAGES for block in python_blocks(page)} == {GUIDE, API, SANDBOX, EXAMPLES}


async def test_the_command_of_the_guide_answers() -> None:
    names = run(COMMAND)
    conversation = create_autospec(Conversation, instance=True, waiting=3)
    calls = create_autospec(Calls, instance=True)
    calls.require.return_value = create_autospec(Call, instance=True, conversation=conversation)
    cog, ctx = names["QueueCommands"](calls), AsyncMock()
    await cog.queue.callback(cog, ctx)
    ctx.send.assert_awaited_once_with("3 wait.")
    calls.require.assert_called_once_with(ctx.guild.id)


async def test_the_feature_of_the_guide_works_until_a_call_holds_it() -> None:
    drawing = run(FEATURE)["Drawing"](AsyncMock(return_value="a cat"))
    lease = Lease()
    lease.register(drawing)
    assert await drawing.draw("cat") == "a cat"
    await lease.acquire("a call")
    assert lease.held == ("image generation",)
    assert await drawing.draw("cat") == "Not now."
    await lease.release()
    assert await drawing.draw("cat") == "a cat"


async def test_the_feature_of_the_guide_says_that_a_call_has_stopped_it() -> None:
    begun = asyncio.Event()

    async def paint(_: str) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    drawing = run(FEATURE)["Drawing"](paint)
    drawing._gate = WorkGate(drawing.name, limit=0.01)
    answer = asyncio.ensure_future(drawing.draw("cat"))
    await begun.wait()
    await drawing.hold("a call")
    assert await answer == "I had to stop."


async def test_the_builder_of_the_guide_builds_the_feature_only_if_it_is_set_up() -> None:
    names = run(FEATURE)
    builder = names["DRAWING"]
    assert isinstance(builder, FeatureBuilder)
    parts, settings = create_autospec(FeatureParts, instance=True), create_autospec(Settings, instance=True)
    parts.settings = settings
    settings.draw = DrawSettings()
    assert await builder.build(parts) is None
    assert builder.check is not None
    assert (await builder.check(settings)).good is None
    settings.draw = DrawSettings(url="http://127.0.0.1:8188")
    feature = await builder.build(parts)
    assert feature is not None
    assert isinstance(feature.lockable, names["Drawing"])
    assert (await builder.check(settings)).good is True


def test_the_classes_and_files_in_the_guide_exist() -> None:
    folders = [path.parent for path in ROOT.glob("*/__init__.py")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    classes = FOREIGN.union(*map(_CLASS.findall, texts))
    places = {f"/{path.relative_to(ROOT).as_posix()}" for path in files}
    wrong = []
    for line in lines(GUIDE):
        for code in CODE.findall(line.text):
            if re.fullmatch(r"([A-Z][a-z]+){2,}", code) and code not in classes:
                wrong.append(f"{line}: there is no class {code}")
            elif PurePosixPath(code).suffix == ".py" and "NAME" not in code and not _ends_one(places, code):
                wrong.append(f"{line}: there is no {code}")
    assert wrong == []


def _ends_one(places: set[str], path: str) -> bool:
    return any(place.endswith(f"/{path}") for place in places)
