"""Stored conversations are exported as Markdown and JSON."""

from __future__ import annotations

import json

import pytest

from bot.voice.events import CallEnded, UtteranceHeard
from tests.bot.conversations.archives import ADA, answer
from tests.bot.http.api.api_stage import ApiStage

PATH = "/api/conversations/1"
WRITTEN = """\
# Conversation in Lounge

2001-09-09 01:46:40 to 2001-09-09 01:46:40 (UTC, discord)

People: Ada

**Ada** (2001-09-09 01:46:40): Good evening

**Mia** (2001-09-09 01:46:40): Good ev —
"""


async def say(stage: ApiStage, words: str) -> None:
    watch, _ = stage.archive.call()
    watch(UtteranceHeard(ADA, "Ada", words, True))
    watch(answer("Good ev", interrupted=True))
    watch(CallEnded("Lounge", "command"))


async def test_a_conversation_is_exported_as_a_markdown_file(stage: ApiStage) -> None:
    await say(stage, "Good evening")
    exported = await stage.web.ask(f"{PATH}?format=markdown")
    assert exported.text == WRITTEN
    assert exported.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert exported.headers["Content-Disposition"] == 'attachment; filename="conversation-1.md"'


async def test_a_conversation_is_exported_as_a_json_file(stage: ApiStage) -> None:
    await say(stage, "Good evening")
    exported = await stage.web.ask(f"{PATH}?format=json")
    assert json.loads(exported.text) == (await stage.web.ask(PATH)).json
    assert exported.headers["Content-Disposition"] == 'attachment; filename="conversation-1.json"'


async def test_a_client_that_accepts_markdown_gets_it(stage: ApiStage) -> None:
    await say(stage, "Good evening")
    answered = await stage.web.ask(PATH, headers={"Accept": "text/markdown, */*"})
    assert answered.text == WRITTEN
    assert "Content-Disposition" not in answered.headers
    assert (await stage.web.ask(PATH, headers={"Accept": "*/*"})).json["place"] == "Lounge"


async def test_words_are_no_markup_in_markdown(stage: ApiStage) -> None:
    await say(stage, "<script>x</script>\n# Title [a](http://b) **c**")
    lines = (await stage.web.ask(f"{PATH}?format=markdown")).text.splitlines()
    (said,) = [line for line in lines if "Title" in line]
    assert said.endswith(r": \<script\>x\</script\> \# Title \[a\](http://b) \*\*c\*\*")


@pytest.mark.parametrize("form", ["", "pdf", "../json", "JSON"])
async def test_formats_that_do_not_exist_are_refused_in_words(stage: ApiStage, form: str) -> None:
    await say(stage, "Good evening")
    refused = await stage.web.ask(PATH, params={"format": form})
    assert (refused.status, refused.code) == (400, "bad_parameter")
