"""Tests of the doctor: it reports everything that would not work, with the name of the setting to change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.doctor import doctor
from bot.doctor.engines import check_model_server
from bot.doctor.personas import check_personas, missing_ambience
from bot.doctor.tools import check_search
from bot.features.dual_persona import build as dual_persona
from bot.features.figurine_notifier import build as figurine_notifier
from bot.features.image_generation import build as image_generation
from bot.features.vision import build as vision_feature
from bot.llm.personas import load_persona
from bot.own_weights import OwnWeights
from config.settings import Settings
from tests.features.feed_server import Entry, Source
from tests.http_server import LocalServer, app_of

pytestmark = pytest.mark.usefixtures("clean_environment")

OUR_USER_AGENT = "Seiyuu/"


class Servers:
    """A server whose answers the test chooses. ``/feed.xml`` is a feed for clients with the bot's user agent."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = {"data": [{"id": "qwen2.5-vl"}]}
        self.asked: list[dict[str, str]] = []
        self.feed = Source()
        self.feed.rss([Entry("1", "A figurine")])
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        if request.path == "/feed.xml":
            polite = request.headers.get("User-Agent", "").startswith(OUR_USER_AGENT)
            return web.Response(body=self.feed.body, content_type="application/rss+xml") if polite else _forbidden()
        return web.json_response(self.body, status=self.status)


def _forbidden() -> web.Response:
    return web.Response(status=403, text="Say who you are.")


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    made = Servers()
    async with LocalServer(app_of("/{path:.*}", made.answer, method="*")) as server:
        made.url = server.url
        yield made


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
async def test_a_vision_server_that_refuses_is_a_finding(servers: Servers, status: int) -> None:
    servers.status, servers.body = status, {"error": {"message": "no"}}
    result = await vision_feature.check(Settings.read(vision_llm_url=f"{servers.url}/v1"))
    assert result.good is False
    assert "VISION_LLM_" in result.text
    assert str(status) in result.text


async def test_a_vision_server_is_asked_with_its_key_and_for_its_model(servers: Servers) -> None:
    vision: dict[str, Any] = {"vision_llm_url": f"{servers.url}/v1", "vision_llm_api_key": "hunter2"}
    assert (await vision_feature.check(Settings.read(**vision, vision_llm_model="qwen2.5-vl"))).good
    assert servers.asked[0]["Authorization"] == "Bearer hunter2"
    result = await vision_feature.check(Settings.read(**vision, vision_llm_model="llava"))
    assert result.good is False
    assert "llava" in result.text


async def test_the_finding_about_a_wrong_key_for_vision_names_its_variable(servers: Servers) -> None:
    servers.status, servers.body = 401, {"error": {"message": "bad key"}}
    result = await vision_feature.check(Settings.read(vision_llm_url=f"{servers.url}/v1", llm_api_key="x"))
    assert "VISION_LLM_API_KEY" in result.text


@pytest.mark.parametrize(("status", "good"), [(200, True), (401, False), (404, False), (500, False)])
async def test_comfyui_must_answer_without_an_error(servers: Servers, tmp_path: Path, status: int, good: bool) -> None:
    (tmp_path / "workflow.json").write_text('{"1": {"class_type": "Text", "inputs": {"text": "{{prompt}}"}}}')
    servers.status, servers.body = status, {}
    settings = Settings.read(comfyui_url=servers.url, comfyui_workflow="workflow.json")
    result = await image_generation.check(settings)
    assert result.good is good
    assert str(status) in result.text


async def test_feeds_are_asked_with_our_user_agent(servers: Servers) -> None:
    result = await figurine_notifier.check(Settings.read(figurine_feeds=f"{servers.url}/feed.xml"))
    assert result.good, result.text
    assert servers.asked[0]["User-Agent"].startswith(OUR_USER_AGENT)


@pytest.mark.parametrize(
    ("status", "body", "good"),
    [(200, {"results": []}, True), (403, {}, False), (200, [], False)],
)
async def test_the_search_engine_must_answer_in_json(servers: Servers, status: int, body: Any, good: bool) -> None:
    servers.status, servers.body = status, body
    result = await check_search(Settings.read(searxng_url=servers.url))
    assert result.good is good
    assert good or "SearXNG must list json" in result.text
    assert (await check_search(Settings.read())).good is None


@pytest.mark.parametrize(("status", "words"), [(403, "403"), (404, "404"), (200, "not an RSS")])
async def test_an_invalid_or_refusing_feed_is_a_finding_even_beside_a_good_one(
    servers: Servers, status: int, words: str
) -> None:
    servers.status = status
    feeds = f"{servers.url}/feed.xml,{servers.url}/other"
    result = await figurine_notifier.check(Settings.read(figurine_feeds=feeds))
    assert result.good is False
    assert f"{servers.url}/other" in result.text
    assert words in result.text


async def test_the_doctor_says_to_set_a_model_if_the_server_has_several(servers: Servers) -> None:
    servers.body = {"data": [{"id": "llama3.1:latest"}, {"id": "qwen3:8b"}]}
    for model, told in ((None, True), ("llama3.1", False)):
        settings = Settings.read(llm_url=f"{servers.url}/v1", llm_model=model)
        assert ("Set LLM_MODEL" in (await check_model_server(settings, OwnWeights())).text) is told


async def test_a_twin_whose_own_model_is_missing_is_a_finding(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    persona = "name: Ria\ndescription: her twin\nmoods: {calm: calm}\ndefault_mood: calm\nmodel: nobody-has-this\n"
    (tmp_path / "ria.yaml").write_text(persona)
    monkeypatch.setattr("bot.operator_files.PERSONAS_DIR", tmp_path)
    result = await dual_persona.check(Settings.read(bipolar_twin="ria", llm_url=f"{servers.url}/v1"))
    assert result.good is False
    assert "nobody-has-this" in result.text


async def test_a_persona_that_people_may_choose_needs_an_existing_model(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bot.operator_files.PERSONAS_DIR", tmp_path)
    settings: dict[str, Any] = {"persona": "mia", "llm_url": f"{servers.url}/v1", "llm_model": "qwen2.5-vl"}
    assert (await check_personas(Settings.read(**settings))).good is None
    ria = "name: Ria\ndescription: another\nmoods: {calm: calm}\ndefault_mood: calm\n"
    (tmp_path / "ria.yaml").write_text(ria)
    result = await check_personas(Settings.read(**settings))
    assert (result.good, result.text) == (True, "people may choose Ria too")
    (tmp_path / "ria.yaml").write_text(f"{ria}model: nobody-has-this\n")
    result = await check_personas(Settings.read(**settings))
    assert result.good is False
    assert "Ria asks for a model of its own: " in result.text
    assert "nobody-has-this" in result.text
    (tmp_path / "ria.yaml").write_text("name: Ria\n")
    result = await check_personas(Settings.read(**settings))
    assert result.good is False
    assert "ria.yaml is not a persona" in result.text


@pytest.mark.parametrize("path", ["/v1", ""], ids=["a wrong model", "no /v1"])
async def test_one_mistake_about_the_model_is_one_finding(servers: Servers, path: str) -> None:
    if not path:
        servers.status, servers.body = 404, {"error": {"message": "no such page"}}
    settings = Settings.read(llm_url=f"{servers.url}{path}", llm_model="nobody-has-this", bipolar_twin="evil_seiyuu")
    results = [
        await check_model_server(settings, OwnWeights()),
        await check_personas(settings),
        await dual_persona.check(settings),
    ]
    assert [result.subject for result in results if result.good is False] == ["Model"]


async def test_a_folder_without_a_file_of_settings_is_reported(tmp_path: Path) -> None:
    told = await doctor._settings(Settings.read())
    assert told.good
    assert told.text.startswith("there is no .env in this folder")
    (tmp_path / ".env").write_text("PERSONA=seiyuu\n")
    assert (await doctor._settings(Settings.read())).text == "every name in .env is a setting"


async def test_an_unknown_name_is_a_warning_since_the_start_accepts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_NO_SUCH_SETTING", "1")
    told = await doctor._settings(Settings.read())
    assert "TTS_NO_SUCH_SETTING" in told.text
    assert (told.good, told.mark) == (None, "–")


async def test_the_ambience_of_a_persona_must_be_there(tmp_path: Path) -> None:
    persona = load_persona("seiyuu").model_copy(update={"ambience": "Rain"})
    settings = Settings.read(music_dir=tmp_path / "music")
    assert missing_ambience(settings, load_persona("seiyuu")) is None
    assert "MUSIC_DIR is not set" in (missing_ambience(Settings.read(), persona) or "")
    assert "'Rain', which is not the title of one piece" in (missing_ambience(settings, persona) or "")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "Rain.ogg").write_bytes(b"")
    assert missing_ambience(settings, persona) is None
