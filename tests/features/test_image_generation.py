"""Tests of image generation on the sandbox, with a fake ComfyUI: people get a picture, or the reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from aiohttp import web

from bot.access import Permit
from bot.features.image_generation.comfyui import REDIRECTED, ComfyUi
from bot.features.image_generation.commands import CANCELLING, NO_DRAWING
from bot.features.image_generation.drawing_request import drawing_subject
from bot.features.image_generation.feature import ALREADY, NOT_ALLOWED, NOT_TAKEN, STOPPED
from bot.features.image_generation.outcome import DrawingError, PictureFile
from tests.features.comfyui_server import PNG, ComfyUiServer
from tests.features.studio import Studio, open_studio
from tests.http_server import LocalServer
from tests.timing import LIMIT

HELD = "🎤 I can't draw right now, I'm talking in voice chat! Ask me again after I leave the voice channel."


@pytest.fixture
def options() -> dict[str, Any]:
    """The options of :func:`open_studio`. A test may give others."""
    return {}


@pytest.fixture
def permit() -> Permit:
    return Permit(everyone=True)


@pytest.fixture
async def studio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], permit: Permit
) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path, monkeypatch, permit, options) as studio:
        yield studio


async def test_a_drawing_shows_its_progress_in_the_message_that_then_gets_the_picture(studio: Studio) -> None:
    studio.comfyui.going.clear()
    await studio.ask("!draw a *red* cat, @everyone")
    shown = await studio.read("25%")
    assert "🎨 a \\*red\\* cat, @everyone" in shown.content
    assert shown.allowed_mentions is not None
    assert shown.allowed_mentions["parse"] == []
    studio.comfyui.going.set()
    done = await studio.picture()
    assert done is shown
    assert done.content == "🎨 a \\*red\\* cat, @everyone"
    assert [(each.upload.filename, each.upload.data) for each in done.attachments] == [("drawing-1.png", PNG)]
    graph = studio.comfyui.graphs[0]
    assert graph["6"]["inputs"]["text"] == "masterpiece, a *red* cat, @everyone"
    assert graph["5"]["inputs"] == {"width": 1024, "height": 1024}
    assert isinstance(graph["3"]["inputs"]["seed"], int)


async def test_the_slash_command_draws_too_and_several_pictures_arrive(studio: Studio) -> None:
    studio.comfyui.pictures = [PNG, PNG + b"2"]
    await studio.stage.sandbox.command_registered("draw", LIMIT)
    await studio.stage.ada.press(studio.stage.sandbox.home.general, "draw", prompt="two cats")
    assert [each.upload.data for each in (await studio.picture()).attachments] == [PNG, PNG + b"2"]


async def test_the_place_in_the_queue_is_shown(studio: Studio) -> None:
    studio.comfyui.going.clear()
    studio.comfyui.enqueue()
    await asyncio.wait_for(studio.comfyui.stepped.wait(), LIMIT)
    studio.comfyui.enqueue()
    await studio.ask("!draw a cat")
    await studio.read("In the queue, 2 before yours")
    studio.comfyui.going.set()
    await studio.picture()


async def test_each_person_has_one_drawing_at_a_time(studio: Studio) -> None:
    bob = await studio.stage.sandbox.add_guest("Bob")
    studio.comfyui.going.clear()
    await studio.ask("!draw a cat")
    await studio.read("25%")
    await studio.ask("!draw a dog")
    assert (await studio.read("One drawing")).content == ALREADY
    await studio.ask("!draw a bird", bob)
    await studio.read("1 before yours", bob)
    studio.comfyui.going.set()
    await studio.picture(bob)
    assert len(studio.comfyui.graphs) == 2


@pytest.mark.parametrize("waiting", [False, True], ids=["while it is drawn", "while it waits"])
async def test_cancelling_a_drawing_also_cancels_it_in_comfyui(studio: Studio, waiting: bool) -> None:
    studio.comfyui.going.clear()
    if waiting:
        studio.comfyui.enqueue()
    await studio.ask("!draw a cat")
    shown = await studio.read("before yours" if waiting else "25%")
    await studio.ask("!draw-cancel")
    assert (await studio.read("stop")).content == CANCELLING
    async with asyncio.timeout(LIMIT):
        while "🛑 Cancelled." not in shown.content:
            await asyncio.sleep(0.02)
    assert ("POST /queue" in studio.comfyui.requests) is waiting
    assert ("POST /interrupt" in studio.comfyui.requests) is not waiting, "somebody else's drawing goes on"
    await studio.ask("!draw-cancel")
    assert (await studio.read("not drawing")).content == NO_DRAWING
    studio.comfyui.going.set()
    await studio.quiet()
    await studio.ask("!draw another cat")
    await studio.picture()


async def test_failures_of_comfyui_are_reported(studio: Studio) -> None:
    studio.comfyui.rejection = {
        "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"},
        "node_errors": {
            "4": {
                "class_type": "CheckpointLoaderSimple",
                "errors": [{"message": "Value not in list", "details": "ckpt_name: 'x' not in ['y']"}],
            }
        },
    }
    await studio.ask("!draw a cat")
    told = (await studio.read("❌")).content
    assert "CheckpointLoaderSimple: Value not in list: ckpt_name: 'x' not in ['y']" in told
    studio.comfyui.rejection = None
    studio.comfyui.failure = "CUDA out of memory"
    await studio.ask("!draw a cat")
    assert "KSampler: CUDA out of memory" in (await studio.read("❌")).content
    studio.comfyui.pictures = []
    await studio.ask("!draw a cat")
    assert "made no picture" in (await studio.read("❌")).content
    await studio.comfyui.stop()
    await studio.ask("!draw a cat")
    assert "does not answer" in (await studio.read("❌")).content


async def test_the_picture_is_posted_even_if_the_command_and_its_answer_were_deleted(studio: Studio) -> None:
    studio.comfyui.going.clear()
    said = await studio.stage.ada.say(studio.stage.sandbox.home.general, "!draw a cat")
    shown = await studio.read("25%")
    await studio.stage.ada.delete(said)
    studio.stage.sandbox.world.messages.delete(shown)
    studio.comfyui.going.set()
    assert (await studio.picture()).attachments[0].upload.data == PNG


async def test_a_picture_that_discord_does_not_take_is_reported(studio: Studio) -> None:
    studio.comfyui.pictures = [PNG, bytes((10 << 20) + 1)]
    await studio.ask("!draw a cat")
    assert "larger than the 10 MB" in (await studio.read("❌")).content
    studio.comfyui.going.clear()
    studio.comfyui.pictures = [PNG]
    await studio.ask("!draw a cat")
    await studio.read("25%")
    studio.stage.sandbox.faults.rest.fail("PATCH /channels/*/messages/*", times=1, status=413)
    studio.comfyui.going.set()
    assert (await studio.read("❌")).content.endswith(NOT_TAKEN)


async def test_a_person_who_asks_for_a_drawing_in_words_gets_one(studio: Studio) -> None:
    @studio.stage.bot.listen("on_message")
    async def note(message: discord.Message) -> None:
        if not message.author.bot and (what := drawing_subject(message.content)):
            await studio.images.draw(message, what)

    await studio.ask("Bot, please draw me a cat!")
    assert (await studio.picture()).content == "🎨 a cat"
    await studio.images.hold("a call")
    said = await studio.stage.ada.say(studio.stage.sandbox.home.general, "draw a dog")
    assert (await studio.read("🎤")).content == HELD
    await studio.stage.ada.wait_for_reaction(said, "🎤", LIMIT)


async def test_a_broken_websocket_loses_nothing(studio: Studio) -> None:
    studio.comfyui.going.clear()
    await studio.ask("!draw a cat")
    await studio.read("25%")
    studio.comfyui.break_sockets()
    studio.comfyui.going.set()
    assert (await studio.picture()).attachments[0].upload.data == PNG


async def test_a_redirected_websocket_leads_nowhere_and_the_drawing_is_made_all_the_same(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    async with ComfyUiServer() as other:
        studio.comfyui.elsewhere = f"{other.url}/ws?clientId=x"
        await studio.ask("!draw a cat")
        assert (await studio.picture()).attachments[0].upload.data == PNG
        assert other.requests == []
    assert [text for text in caplog.messages if "redirects us elsewhere. Is COMFYUI_URL right?" in text]


@pytest.mark.parametrize("path", ["/prompt", "/history/{id}", "/view"])
async def test_a_redirected_request_is_refused_in_words(path: str) -> None:
    async def lead_elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:9/")

    app = web.Application()
    app.router.add_route("*", path, lead_elsewhere)
    asking: dict[str, Callable[[ComfyUi], Awaitable[object]]] = {
        "/prompt": lambda comfyui: comfyui.submit({}, "me"),
        "/history/{id}": lambda comfyui: comfyui.history("1"),
        "/view": lambda comfyui: comfyui.fetch(PictureFile("a.png", "", "output"), 1_000),
    }
    async with LocalServer(app) as server, aiohttp.ClientSession() as http:
        with pytest.raises(DrawingError) as error:
            await asking[path](ComfyUi(server.url, http))
    assert str(error.value) == REDIRECTED


async def test_a_restarted_or_unreachable_comfyui_is_reported(studio: Studio) -> None:
    studio.comfyui.going.clear()
    await studio.ask("!draw a cat")
    await studio.read("25%")
    studio.comfyui.restart()
    assert "no longer knows" in (await studio.read("❌")).content
    await studio.ask("!draw a cat")
    await studio.read("25%")
    await studio.comfyui.stop()
    assert "does not answer" in (await studio.read("❌")).content


@pytest.mark.parametrize("options", [{"timeout": 0.5}])
async def test_a_drawing_that_takes_too_long_is_given_up_and_withdrawn(studio: Studio) -> None:
    studio.comfyui.going.clear()
    await studio.ask("!draw a cat")
    assert "longer than 0.5 s" in (await studio.read("❌")).content
    await studio.quiet()


@pytest.mark.parametrize("permit", [Permit.parse("role:Artist")])
async def test_only_permitted_people_can_draw(studio: Studio) -> None:
    await studio.ask("!draw a cat")
    assert (await studio.read("❌")).content == NOT_ALLOWED
    assert studio.comfyui.requests == []


async def test_after_too_many_drawings_a_person_has_to_wait_and_refusals_do_not_count(studio: Studio) -> None:
    await studio.ask(f"!draw {'cat ' * 400}")
    assert "1000 characters" in (await studio.read("❌")).content
    for _ in range(4):
        await studio.ask("!draw a cat")
        await studio.picture()
    await studio.ask("!draw a cat")
    assert "try again in 10 minutes" in (await studio.read("⏳")).content


async def test_while_drawing_is_held_nothing_is_requested_and_afterwards_it_works_again(studio: Studio) -> None:
    await studio.ask("!draw a cat")
    await studio.picture()
    await studio.images.hold("a call")
    assert studio.comfyui.requests[-1] == "POST /free", "the card is given back"
    asked = len(studio.comfyui.requests)
    said = await studio.stage.ada.say(studio.stage.sandbox.home.general, "!draw a cat")
    assert (await studio.read("🎤")).content == HELD
    await studio.stage.ada.wait_for_reaction(said, "🎤", LIMIT)
    assert len(studio.comfyui.requests) == asked
    await studio.stage.sandbox.command_registered("draw", LIMIT)
    pressed = await studio.stage.ada.press(studio.stage.sandbox.home.general, "draw", prompt="a cat")
    assert (await pressed.response(LIMIT)).content == HELD
    assert len(studio.comfyui.requests) == asked
    await studio.images.release()
    await studio.ask("!draw a cat")
    await studio.picture()


@pytest.mark.parametrize("options", [{"in_flight_limit": 0.3}])
async def test_a_hold_also_stops_a_long_drawing_in_comfyui_and_reports_it(studio: Studio) -> None:
    studio.comfyui.going.clear()
    await studio.ask("!draw a cat")
    shown = await studio.read("25%")
    await studio.images.hold("a call")
    assert studio.comfyui.requests[-2:] == ["POST /interrupt", "POST /free"]
    async with asyncio.timeout(LIMIT):
        while STOPPED not in shown.content:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("options", [{"in_flight_limit": 10.0}])
async def test_a_hold_waits_for_a_drawing_that_is_nearly_done(studio: Studio) -> None:
    studio.comfyui.going.clear()
    await studio.ask("!draw a cat")
    await studio.read("25%")
    holding = asyncio.create_task(studio.images.hold("a call"))
    await asyncio.sleep(0)
    studio.comfyui.going.set()
    await holding
    assert (await studio.picture()).attachments
