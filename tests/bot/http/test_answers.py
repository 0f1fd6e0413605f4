"""What answers look like: errors, headers that protect the page, the page's files, and the health."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.http.page import CONTENT_TYPES, FOLDER, Page
from tests.bot.http.web_stage import WebStage, web_stage

MAX_PAGE = 300_000


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/nowhere", "GET", 404, "not_found"),
        ("/app.js/", "GET", 404, "not_found"),
        ("/..%2f..%2fetc/passwd", "GET", 404, "not_found"),
        ("/%00", "GET", 404, "not_found"),
        ("/" + 5_000 * "x", "GET", 404, "not_found"),
        ("/thing", "DELETE", 405, "method_not_allowed"),
        ("/", "POST", 405, "method_not_allowed"),
        ("/thing", "POST", 415, "unsupported_media_type"),
        ("/busy", "GET", 503, "loading"),
        ("/fail", "GET", 500, "internal_error"),
    ],
)
async def test_every_error_has_the_same_form(local: WebStage, path: str, method: str, status: int, code: str) -> None:
    answer = await local.ask(path, method)
    assert (answer.status, answer.code) == (status, code)
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message"}
    assert len(answer.text) < 500
    assert "secret" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    if status == 405:
        assert "GET" in answer.headers["Allow"]
    if status == 503:
        assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize("path", ["/", "/app.js", "/health", "/thing", "/nowhere", "/fail"])
async def test_every_answer_protects_the_page(local: WebStage, path: str) -> None:
    headers = (await local.ask(path)).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "http" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "microphone=(self)" in headers["Permissions-Policy"]
    assert "aiohttp" not in headers["Server"]
    assert "Python" not in headers["Server"]


async def test_the_health_says_which_parts_are_ready_and_gives_no_details(local: WebStage) -> None:
    answer = await local.ask("/health")
    assert answer.json == {
        "status": "degraded",
        "models": {"llm": "ready", "whisper": "unknown", "tts": "unavailable"},
        "discord": "off",
    }


async def test_files_are_sent_again_only_if_they_have_changed(local: WebStage) -> None:
    answer = await local.ask("/app.js")
    assert (answer.text, answer.headers["Content-Type"]) == ("export {};", "text/javascript; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-cache"
    tag = answer.headers["ETag"]
    for known in (tag, f'W/{tag}, "old"', "*"):
        again = await local.ask("/app.js", headers={"If-None-Match": known})
        assert (again.status, again.text) == (304, "")
    for other in ('"old"', "nonsense", '"' * 2000):
        assert (await local.ask("/app.js", headers={"If-None-Match": other})).status == 200
    head = await local.ask("/app.js", "HEAD")
    assert (head.status, head.text, head.headers["ETag"]) == (200, "", tag)


async def test_only_the_pages_own_files_are_served(tmp_path: Path) -> None:
    folder = tmp_path / ".hidden" / "page"
    (folder / "worklets").mkdir(parents=True)
    (folder / ".git").mkdir()
    (tmp_path / "outside.js").write_text("no")
    for name in ("index.html", "worklets/capture.js", "README.md", ".env", ".git/config.json", "app.py"):
        (folder / name).write_text(name)
    page = Page.load(folder)
    assert page.paths == {"/", "/worklets/capture.js"}
    async with web_stage(page=page) as stage:
        assert (await stage.ask("/")).text == "index.html"
        assert (await stage.ask("/worklets/capture.js")).text == "worklets/capture.js"
        for path in (
            "/README.md",
            "/.env",
            "/.git/config.json",
            "/../outside.js",
            "/%2e%2e/outside.js",
            "/index.html/..",
        ):
            assert (await stage.ask(path)).status in (200, 404)
            assert (await stage.ask(path)).text != "no"
        assert (await stage.ask("/README.md")).status == 404


def test_the_real_page_is_small_and_has_only_files_that_are_served() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert "/" in Page.load().paths
    assert {path.suffix for path in files} <= CONTENT_TYPES.keys()
    assert sum(path.stat().st_size for path in files) <= MAX_PAGE
