"""Tests of an operator's mistakes: the start and the doctor name the setting, without a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import ctranslate2
import pytest

from config.project import ROOT
from sandbox.server import Sandbox
from tests.e2e.program import VOICE, output, program, program_of, read_until
from tests.forked import BOT, Forks


@pytest.mark.parametrize("command", ["run", "demo", "doctor"])
async def test_an_unknown_name_in_the_environment_is_reported_and_stops_nothing(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("PERSONA=seiyuu\nUTTERLY_OTHER=x\n")
    unreachable = {"DISCORD_TOKEN": "x", "DISCORD_API_URL": "http://127.0.0.1:9/api/v10"}
    async with program(command, folder=tmp_path, TTS_VIOCE="de", **unreachable) as process:
        said = await read_until(process, "TTS_VIOCE is not a setting. Did you mean TTS_VOICE?")
    assert ".env, line 2: UTTERLY_OTHER is not a setting." in said


@pytest.mark.parametrize("command", ["run", "demo", "doctor"])
async def test_each_mistake_in_the_settings_file_gives_one_line_and_nothing_is_started(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / ".env").write_text("PERSONA=seiyuu\nLLM_MODLE=x\nTTS_VOICE: de\nVOICE_ENABLED\nALONE_TIMEOUT=10s\n")
    async with program(command, folder=tmp_path, DISCORD_TOKEN="x") as process:
        said = (await output(process)).splitlines()
    assert process.returncode == 2
    assert [line.partition(": ")[0] for line in said] == [f".env, line {number}" for number in (2, 3, 4, 5)]
    assert said[0] == ".env, line 2: LLM_MODLE is not a setting. Did you mean LLM_MODEL?"


async def test_an_option_of_the_demonstration_without_its_command_does_not_start_the_bot(tmp_path: Path) -> None:
    async with program("--stay", folder=tmp_path, DISCORD_TOKEN="x") as process:
        said = await output(process)
    assert process.returncode == 2
    assert "demo --stay" in said


async def test_a_wrong_setting_of_the_speech_server_is_reported_before_the_server_is_started(tmp_path: Path) -> None:
    async with program("run", folder=tmp_path, DISCORD_TOKEN="x", TTS_MAX_REPLIES="many") as process:
        said = await output(process)
    assert process.returncode == 2
    assert said.startswith("TTS_MAX_REPLIES: 'many' is not valid.")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("command", "status"), [("run", 2), ("doctor", 1)])
async def test_a_mistake_that_only_the_speech_server_detects_is_reported_with_its_line_too(
    tmp_path: Path, command: str, status: int
) -> None:
    (tmp_path / ".env").write_text("PERSONA=seiyuu\nTTS_VOICE=klingon-x\n")
    async with Sandbox() as sandbox, program(command, folder=tmp_path, **sandbox.bot_settings) as process:
        said = await output(process)
    assert process.returncode == status
    assert said.count("klingon-x") == 1
    assert ".env, line 2: TTS_VOICE: there is no voice 'klingon-x'" in said


REFUSED = {
    "corrections": ({"STT_CORRECTIONS": "./nope.yaml"}, "STT_CORRECTIONS"),
    "a folder": ({"DATA_DIR": "/proc/x"}, "DATA_DIR=/proc/x"),
    "a persona": ({"PERSONA": "nobody"}, "PERSONA: there is no persona 'nobody'"),
    "a twin": ({"BIPOLAR_TWIN": "nobody"}, "BIPOLAR_TWIN: there is no persona 'nobody'"),
    "itself": ({"BIPOLAR_TWIN": "seiyuu"}, "BIPOLAR_TWIN: 'seiyuu' is not valid"),
    "a feed": ({"FIGURINE_FEEDS": "shop.example.com/feed"}, "FIGURINE_FEEDS: 'shop.example.com/feed' is not valid"),
    "a voice": ({"TTS_VOICE": "klingon-x"}, "klingon-x"),
    "a workflow": ({"COMFYUI_URL": "http://127.0.0.1:9", "COMFYUI_WORKFLOW": "x.json"}, "COMFYUI_WORKFLOW: x.json"),
}


@pytest.mark.parametrize(("wrong", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", ["run", "doctor"])
async def test_the_doctor_does_not_accept_settings_that_run_refuses(
    tmp_path: Path, command: str, wrong: dict[str, str], words: str
) -> None:
    async with Sandbox() as sandbox, program(command, folder=tmp_path, **sandbox.bot_settings, **wrong) as process:
        said = await output(process)
    assert process.returncode == 2 if command == "run" else process.returncode in (1, 2)
    assert words in said
    assert "TTS_VOICES_DIR" not in said
    assert "Traceback" not in said


BROKEN = (
    "config/moods.yaml",
    "config/language/backchannels.yaml",
    "config/language/controls.yaml",
    "config/language/greetings.yaml",
    "config/language/phone_greetings.yaml",
    "config/language/introductions.yaml",
    "config/language/moods.yaml",
    "config/language/phantoms.yaml",
    "config/language/small_limits.yaml",
    "config/language/small_talk.yaml",
    "config/language/voice_commands.yaml",
    "config/language/waiting.yaml",
    "bot/voice/turns/end_of_turn.yaml",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose files a test may damage, if it repairs them."""
    folder = tmp_path_factory.mktemp("copy")
    for init in ROOT.glob("*/__init__.py"):
        package = init.parent
        if package.name not in ("benchmarks", "tests"):
            shutil.copytree(package, folder / package.name)
    return folder


@pytest.fixture(scope="module")
def copied_bot(copy: Path) -> Iterator[Forks]:
    source = Forks(*BOT, root=copy)
    yield source
    source.close()


@pytest.fixture
def broken(copy: Path, file: str) -> Iterator[Path]:
    path = copy / file
    whole = path.read_text(encoding="utf-8")
    path.write_text("en: [one]\nde: }\n", encoding="utf-8")
    yield path
    path.write_text(whole, encoding="utf-8")


@pytest.mark.parametrize("file", BROKEN)
@pytest.mark.parametrize(("command", "status"), [("run", 2), ("doctor", 1)])
async def test_a_broken_word_list_is_reported_in_one_sentence_with_its_place(
    tmp_path: Path, copy: Path, copied_bot: Forks, broken: Path, speech_server: str, command: str, status: int
) -> None:
    settings = {"PYTHONPATH": str(copy), VOICE: speech_server}
    async with (
        Sandbox() as sandbox,
        program_of(copied_bot, command, folder=tmp_path, **settings, **sandbox.bot_settings) as process,
    ):
        said = await output(process)
    assert process.returncode == status, said
    assert said.count(str(broken)) == 1, said
    assert "it is not YAML from line 2 on" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "wrong", [{"TTS_BETTER_ENGINE": "xtts", "XTTS_MODEL": "nowhere"}, {"STT_DEVICE": "cuda"}], ids=["better", "cuda"]
)
async def test_the_doctor_reports_settings_that_would_not_take_effect(tmp_path: Path, wrong: dict[str, str]) -> None:
    if "STT_DEVICE" in wrong and ctranslate2.get_cuda_device_count():
        return
    async with program("doctor", "--json", folder=tmp_path, **wrong) as process:
        told = json.loads(await output(process))
    assert process.returncode == 1
    assert told["good"] is False
    assert [next(iter(wrong)) in finding["text"] for finding in told["findings"] if finding["good"] is False] == [True]


async def test_the_demonstration_names_the_folder_that_it_cannot_write_to(tmp_path: Path) -> None:
    async with program("demo", folder=tmp_path, DATA_DIR="/proc/x") as process:
        said = await output(process)
    assert process.returncode == 2
    assert said.startswith("DATA_DIR=/proc/x can't be written to")
    assert "Traceback" not in said


async def test_the_json_output_of_the_doctor_is_always_one_object(tmp_path: Path) -> None:
    async with program("doctor", "--json", folder=tmp_path) as process:
        told = json.loads(await output(process))
    assert (process.returncode, told["good"]) == (0, True)
    found = [finding["subject"] for finding in told["findings"]]
    needed = ["Python", "Settings", "Persona", "Discord", "Model", "Ears", "Voice"]
    assert [subject for subject in found if subject in needed] == needed
    assert found.index("Voice") < min(found.index(optional) for optional in ("Personas", "Tools", "Music", "Search"))
