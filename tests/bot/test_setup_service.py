"""Tests of the setup's service: the servers to which it sends a key, and the settings that it writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from bot.setup.service import SetupService, SetupTopic, changes_for_mind, shown_lines
from config.env_writing import env_line
from config.errors import SettingsError
from tests.http_server import LocalServer, app_of

pytestmark = pytest.mark.usefixtures("clean_environment")


class Listener:
    """A server that notes which keys it gets."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization"))
        return web.json_response({"error": {"message": "no"}}, status=401)


async def test_a_key_is_not_sent_to_another_server(tmp_path: Path) -> None:
    listener = Listener()
    (tmp_path / ".env").write_text("LLM_URL=http://127.0.0.1:9/v1\nLLM_API_KEY=sk-mine\n")
    async with LocalServer(app_of("/{path:.*}", listener.answer, method="*"), "/v1") as server:
        service = SetupService()
        tested = await service.test(SetupTopic.MIND, {"LLM_URL": server.url})
        assert tested.result.good is False
        assert listener.keys == [None]
        await service.test(SetupTopic.MIND, {"LLM_URL": server.url, "LLM_API_KEY": "sk-new"})
        assert listener.keys[-1] == "Bearer sk-new"
        await service.write({"LLM_URL": server.url})
        assert (tmp_path / ".env").read_text() == f"LLM_URL={server.url}\n"


async def test_the_keys_of_a_list_are_not_sent_to_a_new_server_in_it(tmp_path: Path) -> None:
    listener = Listener()
    async with LocalServer(app_of("/{path:.*}", listener.answer, method="*"), "/v1") as server:
        (tmp_path / ".env").write_text(f"LLM_URL={server.url},http://127.0.0.1:9/v1\nLLM_API_KEY=sk-a,sk-mine\n")
        await SetupService().write({"LLM_URL": f"{server.url},http://127.0.0.1:10/v1"})
    assert "sk-" not in (tmp_path / ".env").read_text()


async def test_the_key_of_the_same_server_is_kept(tmp_path: Path) -> None:
    listener = Listener()
    async with LocalServer(app_of("/{path:.*}", listener.answer, method="*"), "/v1") as server:
        (tmp_path / ".env").write_text(f"LLM_URL={server.url}\nLLM_API_KEY=sk-mine\n")
        await SetupService().test(SetupTopic.MIND, {"LLM_URL": server.url, "LLM_MODEL": "x"})
    assert listener.keys == ["Bearer sk-mine"]


@pytest.mark.parametrize(
    "changes",
    [
        {"DATA_DIR": "/"},
        {"LLM_URL": "ftp://x"},
        {"LLM_URL_AMD": "http://127.0.0.1:9"},
        {"DISCORD_TOKEN": "two words"},
        {"OPENAI_API_KEY": "two words"},
        {"LLM_MODEL": "x" * 3_000},
        {"TTS_ENGINE": "espaek"},
    ],
)
async def test_what_is_not_valid_is_not_written(tmp_path: Path, changes: dict[str, str | None]) -> None:
    with pytest.raises(SettingsError, match=next(iter(changes))):
        await SetupService().write(changes)
    assert not await asyncio.to_thread((tmp_path / ".env").exists)


def test_choosing_the_small_model_takes_the_model_servers_out_of_the_settings() -> None:
    current = {"LLM_URL": "http://a", "LLM_URL_AMD": "http://b", "PROFILE": "api"}
    changes = changes_for_mind(current)
    assert changes == {"LLM_URL": None, "LLM_MODEL": None, "LLM_URL_AMD": None, "PROFILE": None}


def test_secrets_are_not_shown() -> None:
    assert shown_lines({"DISCORD_TOKEN": "secret", "LLM_URL": None, "LLM_MODEL": "a b"}, env_line) == [
        "DISCORD_TOKEN=…",
        "# LLM_URL is taken out",
        "LLM_MODEL='a b'",
    ]
