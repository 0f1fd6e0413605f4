"""Tests of ``/api/setup``: who may test and write settings, the one-time code, and what is never told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.check_result import CheckResult
from bot.http.api.setup import CODES_PER_MINUTE, TESTS_PER_MINUTE
from bot.setup.code import LIFETIME, MAX_TRIES
from bot.setup.service import KEY_OF_ENGINE, SetupTopic
from config.env_writing import EnvWriteError
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.bot.http.web_stage import SECRET, Answer, bearer

MODEL = {"LLM_URL": "http://127.0.0.1:8080/v1"}
ASKS = {
    "/api/setup/test": {"part": "mind", "changes": MODEL},
    "/api/setup/code": {},
    "/api/setup/write": {"code": "ABCD-EFGH", "changes": MODEL},
}

OTHER_PAGES = [
    {"Origin": "http://localhost:8000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site", "Referer": "http://localhost:8000/"},
]


async def post(stage: ApiStage, path: str, json: Any = None, **headers: str) -> Answer:
    return await stage.web.ask(f"/api/setup/{path}", "POST", json={} if json is None else json, headers=headers)


async def write(stage: ApiStage, code: str, changes: Any = None) -> Answer:
    return await post(stage, "write", {"code": code, "changes": MODEL if changes is None else changes})


async def test_the_values_are_shown_without_the_secrets(stage: ApiStage) -> None:
    stage.setup.values = {"DISCORD_TOKEN": "top-secret", "OPENAI_API_KEY": "sk-secret", "LLM_MODEL": "llama3.1"}
    answer = await stage.web.ask("/api/setup")
    assert answer.json == {
        "writable": True,
        "values": {"LLM_MODEL": "llama3.1"},
        "secrets": ["DISCORD_TOKEN", "OPENAI_API_KEY"],
        "keys": dict(KEY_OF_ENGINE),
    }
    assert KEY_OF_ENGINE["openai"] == "OPENAI_API_KEY"


async def test_the_findings_of_the_doctor_are_shown(stage: ApiStage) -> None:
    answer = await post(stage, "doctor")
    assert answer.json["good"] is False
    assert [each["good"] for each in answer.json["findings"]] == [True, None, False]
    assert "Remedy" in answer.json["findings"][2]["text"]


async def test_a_setting_can_be_tested_without_being_written(stage: ApiStage) -> None:
    answer = await post(stage, "test", {"part": "mind", "changes": {**MODEL, "LLM_MODEL": " "}})
    assert answer.json == {"subject": "Model", "good": True, "text": "answers", "models": ["llama"]}
    assert stage.setup.tested == [(SetupTopic.MIND, {**MODEL, "LLM_MODEL": None})]
    assert stage.setup.written == []


async def test_settings_are_written_with_the_code_from_the_console(stage: ApiStage) -> None:
    assert (await post(stage, "code")).status == 204
    answer = await write(stage, stage.setup.code.lower().replace("-", " "))
    assert answer.json["names"] == ["LLM_URL"]
    assert answer.json["backup"] == ".env.before-1"
    assert "make run" in answer.json["restart"]
    assert stage.setup.written == [MODEL]
    assert (await write(stage, stage.setup.code)).code == "bad_code", "a code is good for one use"


@pytest.mark.parametrize("code", ["ABCD-EFGH", "x", "🙂", "\ud800"])
async def test_without_the_code_nothing_is_written(stage: ApiStage, code: str) -> None:
    assert (await write(stage, code)).code == "bad_code", "nobody has asked for a code"
    await post(stage, "code")
    assert (await write(stage, code)).status == 403
    assert stage.setup.written == []


async def test_a_code_ends_after_five_minutes(stage: ApiStage) -> None:
    await post(stage, "code")
    stage.clock.now += LIFETIME + 1
    assert (await write(stage, stage.setup.code)).code == "bad_code"


async def test_a_code_ends_after_five_wrong_ones(stage: ApiStage) -> None:
    await post(stage, "code")
    for _ in range(MAX_TRIES):
        assert (await write(stage, "AAAA-AAAA")).code == "bad_code"
    assert (await write(stage, stage.setup.code)).code == "bad_code"


async def test_a_new_code_ends_the_one_before(stage: ApiStage) -> None:
    await post(stage, "code")
    old = stage.setup.code
    await post(stage, "code")
    assert (await write(stage, old)).code == "bad_code"
    assert (await write(stage, stage.setup.code)).status == 200


async def test_a_code_is_still_good_if_the_file_could_not_be_written(stage: ApiStage) -> None:
    await post(stage, "code")
    stage.setup.error = EnvWriteError(".env can't be written: the disk is full. Make room.")
    answer = await write(stage, stage.setup.code)
    assert (answer.status, answer.code) == (503, "not_written")
    assert "the disk is full" in answer.text
    stage.setup.error = None
    assert (await write(stage, stage.setup.code)).status == 200


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.168.1.30"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=192.168.1.30"},
        {"Via": "1.1 caddy"},
        {"Host": "seiyuu"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_behind_a_proxy_nothing_is_tested_or_written(stage: ApiStage, path: str, headers: dict[str, str]) -> None:
    answer = await stage.web.ask(path, "POST", json=ASKS[path], headers=headers)
    assert (answer.status, answer.code) == (403, "elsewhere")
    assert (stage.setup.tested, stage.setup.written, stage.setup.shown) == ([], [], [])
    assert (await stage.web.ask("/api/setup", headers=headers)).json["writable"] is False


@pytest.mark.parametrize("path", ASKS)
async def test_where_other_machines_can_connect_nothing_is_tested_or_written(tmp_path: Path, path: str) -> None:
    async with api_stage(tmp_path, SECRET, on_loopback=False) as stage:
        answer = await stage.web.ask(path, "POST", json=ASKS[path], headers=bearer())
        assert (answer.status, answer.code) == (403, "elsewhere")
        assert (stage.setup.tested, stage.setup.written, stage.setup.shown) == ([], [], [])
        assert (await stage.web.ask("/api/setup", headers=bearer())).json["writable"] is False


@pytest.fixture
async def open_stage(tmp_path: Path) -> AsyncIterator[ApiStage]:
    """The API, where another page may use everything but the setup."""
    async with api_stage(tmp_path, allowed=("http://localhost:8000",)) as stage:
        yield stage


@pytest.mark.parametrize("path", [*ASKS, "/api/setup/doctor"])
@pytest.mark.parametrize("headers", OTHER_PAGES)
async def test_pages_that_may_use_the_rest_may_not_use_the_setup(
    open_stage: ApiStage, path: str, headers: dict[str, str]
) -> None:
    answer = await open_stage.web.ask(path, "POST", json=ASKS.get(path, {}), headers=headers)
    assert (answer.status, answer.code) == (403, "bad_origin")
    setup = open_stage.setup
    assert (setup.tested, setup.written, setup.shown, setup.examinations) == ([], [], [], 0)


@pytest.mark.parametrize("headers", OTHER_PAGES)
async def test_pages_that_may_use_the_rest_may_not_read_the_settings(
    open_stage: ApiStage, headers: dict[str, str]
) -> None:
    open_stage.setup.values = {"LLM_URL": "http://10.0.0.7:8080/v1"}
    answer = await open_stage.web.ask("/api/setup", headers=headers)
    assert (answer.status, answer.code) == (403, "bad_origin")
    assert "10.0.0.7" not in answer.text


@pytest.mark.parametrize("elsewhere", [True, False])
async def test_pages_of_other_machines_are_told_neither_folders_nor_keys_in_addresses(
    stage: ApiStage, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    found = (
        CheckResult("Folders", True, "/srv/ada/seiyuu/data can be written to, `/srv/a b/c` too"),
        CheckResult("Feeds", False, "http://feeds.example:81/new/list.xml?key=s3cret can't be reached (1/2)"),
    )
    monkeypatch.setattr("tests.bot.http.api.scripted_setup.FINDINGS", found)
    stage.setup.values = {"LLM_URL": "https://api.example/v1?key=s3cret", "LLM_MODEL": "/srv/ada/models/a.gguf"}
    headers = {"X-Forwarded-For": "203.0.113.5"} if elsewhere else {}
    findings = (await post(stage, "doctor", **headers)).json["findings"]
    values = (await stage.web.ask("/api/setup", headers=headers)).json["values"]
    if not elsewhere:
        assert [each["text"] for each in findings] == [each.text for each in found]
        assert values == stage.setup.values
        return
    assert [each["text"] for each in findings] == [
        "…/data can be written to, `…/c` too",
        "http://feeds.example:81/new/list.xml?… can't be reached (1/2)",
    ]
    assert values == {"LLM_URL": "https://api.example/v1?…", "LLM_MODEL": "…/a.gguf"}


async def test_the_number_of_tests_and_codes_in_a_minute_is_limited(stage: ApiStage) -> None:
    body = {"part": "discord", "changes": {}}
    statuses = [(await post(stage, "test", body)).status for _ in range(TESTS_PER_MINUTE + 1)]
    assert statuses == [*[200] * TESTS_PER_MINUTE, 429]
    statuses = [(await post(stage, "code")).status for _ in range(CODES_PER_MINUTE + 1)]
    assert statuses == [*[204] * CODES_PER_MINUTE, 429]


@pytest.mark.parametrize("part", ["mind", "ears", "voice"])
async def test_what_needs_an_engine_is_refused_during_a_call(stage: ApiStage, part: str) -> None:
    await stage.gate.hold("a call")
    assert (await post(stage, "test", {"part": part, "changes": {}})).status == 409
    assert (await post(stage, "doctor")).status == 409
    assert (await post(stage, "test", {"part": "discord", "changes": {}})).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"part": "mind"},
        {"part": "nothing", "changes": {}},
        {"part": "mind", "changes": []},
        {"part": "mind", "changes": {"LLM_URL": 5}},
        {"part": "mind", "changes": {"LLM_URL": "\ud800"}},
        {"part": "mind", "changes": {"LLM_URL": "http://" + 3_000 * "x"}},
        {"part": "mind", "changes": {"DISCORD_API_URL": "http://127.0.0.1:9"}},
        {"part": "mind", "changes": {"DATA_DIR": "/"}},
    ],
)
async def test_wrong_fields_are_reported(stage: ApiStage, body: Any) -> None:
    answer = await post(stage, "test", body)
    assert answer.status in (400, 413)
    assert answer.code in ("bad_parameter", "too_long")
    assert stage.setup.tested == []
