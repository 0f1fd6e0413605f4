"""The view Setup: it tests what is typed, and writes a working ``.env`` once the code from the console is typed too."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Browser, BrowserContext, expect

from config.env_file import read_env_values
from sandbox.server import Sandbox
from tests.browser.chat_server import ChatServer
from tests.browser.conftest import Tab, new_tab
from tests.browser.picture_command import SCHEMES, SIZES, Scheme
from tests.browser.setup_pictures import ANSWERS, answer, filled_in
from tests.browser.test_looks import axe_source, findings
from tests.e2e.program import output, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.test_page import page_of

pytestmark = pytest.mark.browser
TESTED = 60_000
"""Longest wait for the result of a test, in milliseconds."""


async def test_the_form_writes_a_working_file(context: BrowserContext, tmp_path: Path, cache_dir: Path) -> None:
    async with Sandbox() as sandbox, ScriptedModel(lambda _: Answer("Yes."), lists=("small", "large")) as model:
        own = f"# Mine\nDISCORD_API_URL={sandbox.api_url}\nDISCORD_CA_FILE={sandbox.ca_file}\n"
        (tmp_path / ".env").write_text(own)
        async with program("talk", folder=tmp_path, CACHE_DIR=str(cache_dir)) as process:
            page = await context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(f"{await page_of(process)}#setup")
            at = page.get_by_test_id
            await at("DISCORD_TOKEN").fill("wrong")
            await at("test-discord").click()
            await expect(at("result-discord")).to_contain_text("Copy the token again", timeout=TESTED)
            await expect(at("result-discord")).to_contain_text("two dots")
            await at("DISCORD_TOKEN").fill(sandbox.bot_token)
            await at("test-discord").click()
            await expect(at("result-discord")).to_contain_text("invite link: https://", timeout=TESTED)
            await at("PROMPT_CHANNEL").fill("nowhere")
            await at("test-discord").click()
            await expect(at("result-discord")).to_contain_text("no text channel 'nowhere'. It has: ", timeout=TESTED)
            await at("PROMPT_CHANNEL").fill("general")
            await at("test-discord").click()
            await expect(at("result-discord")).to_contain_text("there is a text channel 'general'", timeout=TESTED)
            await at("LLM_URL").fill("http://127.0.0.1:9/v1")
            await at("test-mind").click()
            await expect(at("result-mind")).to_contain_text("can't be reached. Is it running?", timeout=TESTED)
            await at("write").click()
            await expect(at("ask")).to_contain_text("The last test failed: The mind.")
            await at("ask-no").click()
            await expect(at("code-form")).to_be_hidden()
            await at("LLM_URL").fill(model.url)
            await expect(at("result-mind")).to_be_empty()
            await at("LLM_MODEL").fill("large")
            await at("test-mind").click()
            await expect(at("result-mind")).to_contain_text("first word after", timeout=TESTED)
            await at("STT_LANGUAGE").fill("Klingonese")
            await at("test-ears").click()
            await expect(at("result-ears")).to_contain_text("the English name of a language", timeout=TESTED)
            await at("STT_LANGUAGE").fill("English")
            await at("test-ears").click()
            await expect(at("result-ears")).to_contain_text("toy Whisper", timeout=TESTED)
            await expect(at("VOICE_KEY")).to_be_hidden()
            await at("TTS_ENGINE").fill("OpenAI")
            await at("VOICE_KEY").fill("sk-of-openai")
            await expect(at("env-lines")).to_contain_text("TTS_ENGINE=OpenAI\nOPENAI_API_KEY=…")
            await at("TTS_ENGINE").fill("espeak")
            await expect(at("VOICE_KEY")).to_be_hidden()
            await at("test-voice").click()
            await expect(at("result-voice")).to_contain_text("fast enough for a call", timeout=TESTED)
            await expect(at("env-lines")).to_have_text(
                f"DISCORD_TOKEN=…\nPROMPT_CHANNEL=general\nLLM_URL={model.url}\nLLM_MODEL=large\n"
                "STT_LANGUAGE=English\nTTS_ENGINE=espeak"
            )
            await at("write").click()
            said = await read_until(process, "Setup code: ")
            await at("code").fill("AAAA-AAAA")
            await at("send-code").click()
            await expect(at("write-result")).to_contain_text("That is not the code.")
            await at("code").fill(said.rpartition("Setup code: ")[2].split()[0])
            await at("send-code").click()
            await expect(at("written")).to_contain_text("Written to .env.", timeout=TESTED)
            await expect(at("written")).to_contain_text("make run")
            await expect(at("DISCORD_TOKEN")).to_have_value("")
            await expect(at("DISCORD_TOKEN")).to_have_attribute("placeholder", "Set already; type to replace it")
            assert sandbox.bot_token not in await page.content()
            assert errors == []
            process.send_signal(signal.SIGTERM)
            said += await output(process)
        assert sandbox.bot_token not in said, "the token is never logged"
        values = read_env_values(tmp_path / ".env")
        assert (tmp_path / ".env").read_text().startswith(own)
        assert (values["DISCORD_TOKEN"], values["LLM_MODEL"]) == (sandbox.bot_token, "large")
        asked = len(model.warmed)
        async with program("run", folder=tmp_path, CACHE_DIR=str(cache_dir)) as process:
            said = await read_until(process, "Ready.")
            assert "Connected as" in said
            assert len(model.warmed) > asked, "the bot thinks with the server that was named"


async def test_answers_that_cannot_be_written_are_reported_and_written_later(
    context: BrowserContext, tmp_path: Path, cache_dir: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("# Mine\n")
    async with program("talk", folder=tmp_path, CACHE_DIR=str(cache_dir)) as process:
        page = await context.new_page()
        await page.goto(f"{await page_of(process)}#setup")
        at = page.get_by_test_id
        await at("STT_LANGUAGE").fill("German")
        await at("DISCORD_TOKEN").fill("a.token")
        await at("write").click()
        said = await read_until(process, "Setup code: ")
        await at("code").fill(said.rpartition("Setup code: ")[2].split()[0])
        file.chmod(0o444)
        await at("send-code").click()
        await expect(at("write-result")).to_contain_text("Allow it with `chmod u+w .env`, then try again.")
        file.chmod(0o600)
        bot = psutil.Process(process.pid)
        usual = bot.rlimit(resource.RLIMIT_FSIZE)
        bot.rlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
        await at("send-code").click()
        await expect(at("write-result")).to_contain_text(
            "Make room, then try again. Your answers and the code are still"
        )
        bot.rlimit(resource.RLIMIT_FSIZE, usual)
        assert file.read_text() == "# Mine\n"
        await expect(at("DISCORD_TOKEN")).to_have_value("a.token")
        await at("send-code").click()
        await expect(at("written")).to_contain_text("Written to .env.", timeout=TESTED)
    assert file.read_text() == "# Mine\nDISCORD_TOKEN=a.token\nSTT_LANGUAGE=German\n"


async def test_on_other_machines_the_page_shows_the_lines_to_copy(
    context: BrowserContext, tmp_path: Path, cache_dir: Path
) -> None:
    async with program("talk", folder=tmp_path, CACHE_DIR=str(cache_dir)) as process:
        await context.set_extra_http_headers({"X-Forwarded-Proto": "http", "X-Forwarded-For": "192.168.1.30"})
        page = await context.new_page()
        await page.goto(f"{await page_of(process)}#setup")
        at = page.get_by_test_id
        await expect(at("test-mind")).to_be_disabled()
        await at("LLM_MODEL").fill("it's a model")
        await at("DISCORD_TOKEN").fill("a.token")
        await expect(at("env-lines")).to_have_text("DISCORD_TOKEN=a.token\nLLM_MODEL='it\\'s a model'")
        await expect(at("write-result")).to_contain_text("python -m bot setup")
        await expect(at("write")).to_be_hidden()
        await expect(at("copy")).to_be_visible()
        await at("examine").click()
        await expect(at("findings")).to_contain_text("discord.py", timeout=TESTED)
        await expect(at("findings")).to_contain_text("DISCORD_TOKEN is not set")


async def test_what_is_wrong_comes_first_then_notes_each_in_the_order_of_the_doctor(tab: Tab) -> None:
    verdicts = {"Python": True, "Discord": None, "Model": False, "Voice": None, "Search": False, "Music": True}
    found = [{"subject": subject, "good": good, "text": "."} for subject, good in verdicts.items()]
    for path, body in {**ANSWERS, "api/setup/doctor": {"good": False, "findings": found}}.items():
        await tab.page.route(f"**/{path}", answer(body))
    await tab.open(f"{tab.server.url}#setup")
    await tab.at("examine").click()
    await expect(tab.at("finding").locator("strong")).to_have_text(
        ["Model", "Search", "Discord", "Voice", "Python", "Music"]
    )


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_no_barrier(browser: Browser, axe: Path, scheme: Scheme) -> None:
    source = await axe_source(axe)
    width, height = SIZES["phone" if scheme == "dark" else "wide"]
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    async with ChatServer() as server:
        tab = await new_tab(context, server)
        await filled_in(tab)
        assert await findings(tab.page, source) == []
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.errors == []
    await context.close()
