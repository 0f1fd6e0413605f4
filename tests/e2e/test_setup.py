"""Tests of ``python -m bot setup`` in a terminal, with the sandbox and a scripted model, also with wrong answers."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from config.env_file import read_env_values
from sandbox.server import Sandbox
from sandbox.world.entities import ApplicationFlag
from tests.e2e.program import output, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.terminal import in_terminal

TOKEN, CHANNEL, LANGUAGE, VOICE = "in the browser]:", "asked for]:", "each person]:", "usual one]:"
"""The ends of the questions for these settings."""
AGAIN = "[t]"
"""The end of the question what to do with a wrong answer: try again, keep it, or skip the question."""


def own_file(folder: Path, sandbox: Sandbox) -> str:
    """An ``.env`` that a user has written already."""
    place = f"DISCORD_API_URL={sandbox.api_url}\nDISCORD_CA_FILE={sandbox.ca_file}\n"
    text = f"# Mine\n{place}LLM_MODEL=old\nTIMEZONE=UTC # x\n"
    (folder / ".env").write_text(text)
    return text


def backups(folder: Path) -> list[str]:
    """The texts of the files beside ``.env`` that the setup has made."""
    return [file.read_text() for file in folder.glob(".env.*")]


async def test_five_answers_make_a_working_file(tmp_path: Path, cache_dir: Path) -> None:
    async with Sandbox() as sandbox, ScriptedModel(lambda _: Answer("Yes."), lists=("small", "large")) as model:
        own = own_file(tmp_path, sandbox)
        async with in_terminal("setup", folder=tmp_path, CACHE_DIR=str(cache_dir)) as terminal:
            await terminal.answer(TOKEN, sandbox.bot_token)
            await terminal.answer(CHANNEL, "general")
            await terminal.answer("old]:", f"127.0.0.1:{model.port}")
            await terminal.answer("Which [small]:", "2")
            await terminal.answer(LANGUAGE, "English")
            await terminal.answer(VOICE, "espeak")
            await terminal.until_said("status 0")
            said = terminal.said
        assert sandbox.bot_token not in said, "a secret is neither echoed nor shown"
        assert "invite link: https://" in said
        assert "there is a text channel 'general' on 1 server" in said
        assert "first word after" in said
        assert f"LLM_URL={model.url}" in said
        values = read_env_values(tmp_path / ".env")
        assert values["DISCORD_TOKEN"] == sandbox.bot_token
        assert (values["LLM_MODEL"], values["PROMPT_CHANNEL"], values["TTS_ENGINE"]) == ("large", "general", "espeak")
        assert (tmp_path / ".env").read_text().startswith(own.replace("LLM_MODEL=old", "LLM_MODEL=large"))
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
        assert backups(tmp_path) == [own]
        asked = len(model.warmed)
        async with program("run", folder=tmp_path, CACHE_DIR=str(cache_dir)) as process:
            ready = await read_until(process, "Ready.")
            process.send_signal(signal.SIGTERM)
            ready += await output(process)
            assert process.returncode == 0
        assert "Connected as" in ready
        assert len(model.warmed) > asked, "the bot thinks with the server that was named"


async def test_wrong_answers_are_reported_and_may_be_given_again_kept_or_skipped(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with Sandbox() as sandbox:
        own_file(tmp_path, sandbox)
        async with in_terminal("setup", folder=tmp_path, CACHE_DIR=str(cache_dir)) as terminal:
            await terminal.answer(TOKEN, "wrong")
            await terminal.until_said("Discord does not accept DISCORD_TOKEN. Copy the token again")
            await terminal.answer(AGAIN, "")
            sandbox.faults.set_intents(sandbox.home.bot, ApplicationFlag(0))
            await terminal.answer(TOKEN, sandbox.bot_token)
            await terminal.until_said("Switch on MESSAGE CONTENT INTENT")
            await terminal.answer(AGAIN, "k")
            await terminal.answer(CHANNEL, "nowhere")
            await terminal.until_said("has no text channel 'nowhere'. It has: ")
            await terminal.answer(AGAIN, "s")
            await terminal.answer("old]:", "http://127.0.0.1:9/v1")
            await terminal.until_said("can't be reached. Is it running?")
            await terminal.answer(AGAIN, "smollm2-135m")
            await terminal.until_said("Type t, k or s. For another answer, type t: then the question comes again.")
            await terminal.answer(AGAIN, "keep it")
            await terminal.answer(LANGUAGE, "Klingonese")
            await terminal.until_said("It must be the code or the English name of a language")
            await terminal.until_said("Try again (t), or skip this question (s)?")
            await terminal.answer(AGAIN, "k")
            await terminal.answer(AGAIN, "s")
            await terminal.answer(VOICE, "espaek")
            await terminal.until_said("id you mean espeak?")
            await terminal.answer(AGAIN, "s")
            await terminal.until_said("status 0")
        values = read_env_values(tmp_path / ".env")
        assert values["DISCORD_TOKEN"] == sandbox.bot_token
        assert values["LLM_URL"] == "http://127.0.0.1:9/v1"
        assert values.keys().isdisjoint({"PROMPT_CHANNEL", "STT_LANGUAGE", "TTS_ENGINE", "LLM_MODEL"})


async def test_a_file_that_can_not_be_written_may_be_tried_again_and_no_answer_is_lost(
    tmp_path: Path, cache_dir: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("# Mine\nSTT_LANGUAGE=en\n")
    file.chmod(0o444)
    async with in_terminal("setup", folder=tmp_path, CACHE_DIR=str(cache_dir)) as terminal:
        await terminal.answer(TOKEN, "")
        await terminal.until_said("without a token, there are no channels")
        assert "Asking Discord" not in terminal.said
        await terminal.answer("bot]:", "ftp://nowhere")
        await terminal.until_said("begins with http:// or https://")
        await terminal.answer(AGAIN, "")
        await terminal.answer("bot]:", "")
        await terminal.answer("each person]:", "German")
        await terminal.answer(VOICE, "espeak")
        await terminal.until_said("Allow it with `chmod u+w .env`, then try again.")
        file.chmod(0o600)
        usual = terminal.program.rlimit(resource.RLIMIT_FSIZE)
        terminal.program.rlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
        await terminal.answer(AGAIN, "")
        await terminal.until_said("Make room, then try again.")
        assert file.read_text() == "# Mine\nSTT_LANGUAGE=en\n"
        terminal.program.rlimit(resource.RLIMIT_FSIZE, usual)
        await terminal.answer(AGAIN, "t")
        await terminal.until_said("status 0")
    assert file.read_text() == "# Mine\nSTT_LANGUAGE=German\nTTS_ENGINE=espeak\n"


async def test_ctrl_c_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        own = own_file(tmp_path, sandbox)
        async with in_terminal("setup", folder=tmp_path) as terminal:
            await terminal.answer(TOKEN, sandbox.bot_token)
            await terminal.until(lambda terminal: terminal.said.rstrip().endswith(CHANNEL))
            terminal.press_ctrl_c()
            await terminal.until_said("Nothing was written.")
    assert ((tmp_path / ".env").read_text(), backups(tmp_path)) == (own, [])


@pytest.mark.parametrize("stands", ["a folder", "UTF-16"])
async def test_a_file_that_can_not_be_read_is_reported_before_the_first_question(tmp_path: Path, stands: str) -> None:
    if stands == "a folder":
        (tmp_path / ".env").mkdir()
    else:
        (tmp_path / ".env").write_text("A=1\n", encoding="utf-16")
    async with in_terminal("setup", folder=tmp_path) as terminal:
        await terminal.until_said("status 2")
        assert ".env is " in terminal.said
        assert "1 of 5" not in terminal.said


async def test_without_a_terminal_the_setup_says_what_to_do_instead(tmp_path: Path) -> None:
    async with program("setup", folder=tmp_path) as process:
        said = await output(process)
    assert process.returncode == 2
    assert "there is no terminal here. Copy .env.example to .env" in said
    assert not (tmp_path / ".env").exists()
