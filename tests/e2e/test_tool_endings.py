"""A call, or the bot itself, ends while a tool of an MCP server hangs: nothing runs on, and nothing is said later."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from bot.voice.events import WordsSpoken
from sandbox.guest import Guest
from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT, StageMaker, serving_tones
from tests.e2e.program import VOICE, output, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel

HOSTILE = Path(__file__).parents[1] / "tools" / "servers" / "hostile_server.py"
QUESTION, LATE = "Please have a look.", "I have looked."


def script(line: str) -> Answer:
    if "look" in line and "not answer" not in line:
        return Answer(calls=("look",))
    return Answer(LATE if "not answer" in line else "Hello.")


def tools_file(folder: Path, log: Path) -> Path:
    server = {"command": sys.executable, "args": [str(HOSTILE), "hangs", str(log)]}
    file = folder / "tools.yaml"
    file.write_text(yaml.safe_dump({"mcpServers": {"hanging": server}, "allow": {"look": "everyone"}}))
    return file


def notes(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


async def until_called(log: Path, calls: int = 1) -> None:
    async with asyncio.timeout(LIMIT):
        while notes(log).count("called") < calls:
            await asyncio.sleep(0.02)


async def test_leaving_during_a_tool_cancels_it_and_the_next_call_is_as_any_other(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    log = tmp_path / "server"
    async with ScriptedModel(script) as model, serving_tones(tmp_path) as voice:
        file = tools_file(tmp_path, log)
        async with make_stage(tts_websocket_url=voice, llm_url=model.url, tools_file=file) as stage:
            await stage.app.core.tools.settled(60)
            await stage.join()
            await stage.ask(QUESTION)
            await until_called(log)
            await stage.answer_to("!leave", starts="👋")
            await stage.until(lambda: "cancelled" in notes(log), "the server to be told")
            running = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("tool ")]
            assert running == []
            assert stage.bot not in stage.sandbox.guild.voice_states
            # What is held back during a call is back: the text chat answers.
            assert await stage.answer_to(f"<@{stage.bot}> hello") == "Hello."
            await stage.join()
            spoken = len([event for event in stage.events if isinstance(event, WordsSpoken)])
            await stage.ask("hello")
            await stage.until(lambda: len([e for e in stage.events if isinstance(e, WordsSpoken)]) > spoken, "words")
            words = [event.text for event in stage.events if isinstance(event, WordsSpoken)][spoken:]
            assert "".join(words).strip() == "Hello."
            assert LATE not in stage.spoken


@pytest.mark.parametrize("kills", [False, True])
async def test_a_bot_that_is_ended_while_a_tool_runs_leaves_no_process_behind(
    tmp_path: Path, speech_server: str, kills: bool
) -> None:
    log = tmp_path / "server"
    settings = {"TOOLS_FILE": str(tools_file(tmp_path, log)), VOICE: speech_server}
    async with (
        Sandbox() as sandbox,
        ScriptedModel(script) as model,
        program("run", folder=tmp_path, LLM_URL=model.url, **settings, **sandbox.bot_settings) as process,
    ):
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.home.lounge)
        await sandbox.bot_online(LIMIT)
        await sandbox.command_registered("join", LIMIT)
        await _say(ada, sandbox, "!join", "🎤 Joined")
        await read_until(process, "The MCP server hanging has")
        await _say(ada, sandbox, QUESTION, "⏳")
        await until_called(log)
        children = psutil.Process(process.pid).children(recursive=True)
        started = psutil.Process(int(notes(log)[0]))
        assert started in children
        if kills:
            process.kill()
        else:
            process.terminate()
        said = await output(process)
        if not kills:
            assert process.returncode == 0
            assert "Traceback" not in said and "never awaited" not in said
        _, alive = psutil.wait_procs(children, timeout=LIMIT)
        assert alive == []


async def _say(ada: Guest, sandbox: Sandbox, text: str, starts: str) -> None:
    asked = await ada.say(sandbox.home.general, text)
    await ada.wait_for_message(sandbox.home.general, lambda m: m.content.startswith(starts), LIMIT, after=asked)
