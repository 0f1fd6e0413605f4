"""Hostile requests to every operation of the bot and the speech server: no server fails, or names folders it uses."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bot.http.api.description import document
from tests.bot.http.api.api_stage import ApiStage
from tests.fuzzing.attack import Target, attack
from tests.fuzzing.documents import operations
from tests.fuzzing.sockets import ENDINGS, MESSAGES
from tts_server.api.status_api import document as speech_document

COUNT = 250
"""Requests to each server. ``tests/e2e/slow/test_hostile_requests.py`` sends ten thousand to real programs."""
LOCAL = {"Authorization": "Bearer x"}


def own_folders(tmp_path: Path) -> tuple[bytes, ...]:
    """Folders of this machine, which no answer may name."""
    return (str(tmp_path).encode(), str(Path.home()).encode() + b"/", str(Path(__file__).parents[4]).encode() + b"/")


def without_sockets(description: dict[str, object]) -> dict[str, object]:
    """The document without the WebSockets, which this stage does not have."""
    sockets = {each.path for each in operations(description) if each.opens_socket}
    paths = description["paths"]
    assert isinstance(paths, dict)
    return {**description, "paths": {path: item for path, item in paths.items() if path not in sockets}}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_hostile_requests_to_the_bot_are_answered_or_refused_in_words(
    stage: ApiStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = Target(stage.web.port, without_sockets(document()), LOCAL, ("code", "message"), own_folders(tmp_path))
    answered = await attack(target, COUNT, seed=16)
    assert {200, 400, 403, 404, 415} <= answered.keys()
    assert (stage.gate.held, stage.mind.streams) == (False, 0)
    assert [each for each in caplog.records if each.levelno >= logging.ERROR or each.exc_info] == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_hostile_requests_to_the_speech_server_are_answered_or_refused_in_words(
    stage: ApiStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fields = ("message", "type", "param", "code")
    port = stage.voices.server.http.port
    answered = await attack(Target(port, speech_document(), LOCAL, fields, own_folders(tmp_path)), COUNT, seed=17)
    assert {200, 400, 403, 404} <= answered.keys()
    assert await stage.voices.server.metric("tts_connections") == 0
    assert [each for each in caplog.records if each.levelno >= logging.ERROR or each.exc_info] == []


def test_every_described_websocket_is_attacked() -> None:
    described = {each.path for each in [*operations(document()), *operations(speech_document())] if each.opens_socket}
    assert described == MESSAGES.keys()
    assert ENDINGS.keys() <= described
