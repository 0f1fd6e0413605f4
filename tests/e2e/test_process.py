"""Tests of the program as a user runs it: what it prints, its exit status, and that it leaves nothing running."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest

from sandbox.server import Sandbox
from sandbox.world.entities import ApplicationFlag
from tests.e2e.conftest import LIMIT
from tests.e2e.program import VOICE, logged_program, output, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.file_modes import open_to_others


async def test_a_wrong_setting_gives_one_clear_line_and_status_2(tmp_path: Path) -> None:
    async with program(folder=tmp_path, LLM_TEMPERATURE="hot") as process:
        said = await output(process)
    assert process.returncode == 2
    assert said.startswith("LLM_TEMPERATURE: 'hot'")
    assert len(said.splitlines()) == 1


async def test_run_without_a_token_says_what_is_missing(tmp_path: Path) -> None:
    async with program("run", folder=tmp_path) as process:
        assert "DISCORD_TOKEN is not set" in await output(process)
    assert process.returncode == 2


async def test_a_wrong_token_is_explained(tmp_path: Path) -> None:
    async with (
        Sandbox() as sandbox,
        program(folder=tmp_path, **sandbox.bot_settings | {"DISCORD_TOKEN": "x"}) as process,
    ):
        said = await output(process)
    assert process.returncode == 2
    assert "does not accept DISCORD_TOKEN" in said
    assert "Speech server" not in said, "the token is checked before anything is loaded"
    assert "Traceback" not in said


async def test_the_missing_message_content_intent_is_explained(tmp_path: Path, speech_server: str) -> None:
    async with Sandbox() as sandbox:
        sandbox.faults.set_intents(sandbox.home.bot, ApplicationFlag(0))
        async with program(folder=tmp_path, **sandbox.bot_settings, **{VOICE: speech_server}) as process:
            said = await output(process)
    assert process.returncode == 2
    assert "MESSAGE CONTENT INTENT" in said
    assert "Traceback" not in said


async def test_a_second_bot_with_the_same_folder_is_refused_and_some_other_commands_work_beside_the_first(
    tmp_path: Path, speech_server: str
) -> None:
    async with Sandbox() as sandbox, program("run", folder=tmp_path, **sandbox.bot_settings) as first:
        await read_until(first, "Connected as")
        assert open_to_others(tmp_path) == [], "what the bot and its speech server keep is for their user alone"
        async with program("run", folder=tmp_path, **sandbox.bot_settings) as second:
            said = await output(second)
        assert second.returncode == 1
        assert f"Another Seiyuu runs with DATA_DIR=data already (process {first.pid})." in said
        assert "Traceback" not in said
        for command in ("health", "models", "doctor"):
            voiced = {VOICE: speech_server}
            async with program(command, folder=tmp_path, **sandbox.bot_settings, **voiced) as beside:
                said = await output(beside)
            assert beside.returncode == 0, said
        first.kill()
        await first.wait()
        async with program("run", folder=tmp_path, **sandbox.bot_settings, **voiced) as next_one:
            await read_until(next_one, "Connected as")


async def test_standard_output_has_only_the_page_and_ready_once_ears_mind_and_voice_are_warm(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with (
        Sandbox() as sandbox,
        ScriptedModel(lambda _: Answer("Good day.")) as model,
        logged_program(log, "run", folder=tmp_path, LLM_URL=model.url, **sandbox.bot_settings) as process,
    ):
        assert re.fullmatch(r"Page: http://127\.0\.0\.1:\d+/\n", await read_until(process, "\n"))
        assert await read_until(process, "\n") == "Ready.\n"
        assert "Connected as" in log.read_text()
        assert [asked[-1]["content"] for asked in model.warmed] == ["Someone: hello"], "the model has read the prompt"
        children = psutil.Process(process.pid).children(recursive=True)
        programs = {name for child in children for name in child.cmdline() if "." in name}
        assert "bot.voice.transcribe.worker" in programs, "the recogniser is loaded"
        process.terminate()
        assert await output(process) == "", "nothing else, since no call was on"


async def test_an_unreachable_part_is_reported_and_the_bot_is_not_ready(tmp_path: Path, speech_server: str) -> None:
    away = {"LLM_URL": "http://127.0.0.1:9/v1", VOICE: speech_server}
    async with Sandbox() as sandbox, program("run", folder=tmp_path, **sandbox.bot_settings, **away) as process:
        said = await read_until(process, "Not ready yet: mind: The model server at 127.0.0.1:9 can't be reached")
        process.terminate()
        said += await output(process)
    assert process.returncode == 0
    assert "Ready." not in said


async def test_ctrl_c_ends_the_demonstration_and_everything_in_it(tmp_path: Path) -> None:
    async with program("demo", folder=tmp_path) as process:
        await read_until(process, "first packet")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        said = await output(process)
    assert "Ended." in said
    assert "Traceback" not in said
    assert process.returncode == 130
    _, alive = psutil.wait_procs(children, timeout=LIMIT)
    assert alive == []


async def test_the_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        async with program("doctor", folder=tmp_path, **sandbox.bot_settings) as process:
            well = await output(process)
        assert process.returncode == 0, well
        assert "invite link" in well
        assert "✔ Voice: espeak-ng: first sound after" in well
        voiceless = {"TTS_ENGINE": "xtts", "XTTS_MODEL": "nowhere"}
        async with program("doctor", folder=tmp_path, **sandbox.bot_settings, **voiceless) as process:
            said = await output(process)
        assert process.returncode == 1
        assert "✘ Voice: XTTS v2" in said
        assert "1 thing to fix" in said
        away = {
            "LLM_URL": "http://127.0.0.1:9/v1",
            "TTS_WEBSOCKET_URL": "ws://127.0.0.1:9/ws/stream",
            "VISION_LLM_URL": "http://127.0.0.1:9/v1",
            "COMFYUI_URL": "http://127.0.0.1:9",
        }
        async with program("doctor", folder=tmp_path, **sandbox.bot_settings, **away) as process:
            ill = await output(process)
    assert process.returncode == 1
    assert ill.count("127.0.0.1:9") >= 2
    assert "COMFYUI_WORKFLOW is not" in ill
    assert "4 things to fix" in ill


async def test_the_doctor_refuses_wrong_settings_with_status_2_before_it_looks_at_anything(tmp_path: Path) -> None:
    wrong = {"BIPOLAR_TWIN": "nobody", "AVATAR_FOLDER": "nowhere", "LLM_URL": "http://127.0.0.1:9/v1"}
    async with program("doctor", folder=tmp_path, **wrong) as process:
        said = await output(process)
    assert process.returncode == 2
    assert "no persona 'nobody'" in said
    assert "AVATAR_FOLDER=nowhere" in said
    assert "127.0.0.1:9" not in said, "the servers are asked when the settings are right"


async def test_an_unusable_workflow_gives_one_clear_line_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "workflow.json").write_text("{}")
    wrong = {"COMFYUI_URL": "http://127.0.0.1:9", "COMFYUI_WORKFLOW": "workflow.json"}
    async with Sandbox() as sandbox, program("run", folder=tmp_path, **sandbox.bot_settings, **wrong) as process:
        said = await output(process)
    assert process.returncode == 2
    assert "workflow.json" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "wrong", [{"DISCORD_API_URL": "http://127.0.0.1:9/api/v10"}, {"DISCORD_CA_FILE": "nowhere.pem"}], ids=["api", "ca"]
)
@pytest.mark.parametrize("command", ["doctor", "run"])
async def test_an_unreachable_discord_gives_one_clear_line(tmp_path: Path, command: str, wrong: dict[str, str]) -> None:
    async with program(command, folder=tmp_path, DISCORD_TOKEN="x", **wrong) as process:
        said = await output(process)
    assert process.returncode == (2 if "DISCORD_CA_FILE" in wrong else 1)
    assert next(iter(wrong)) in said
    assert "Traceback" not in said
