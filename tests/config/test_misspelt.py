"""Tests of unused settings: misspelt names and lines of ``.env`` without effect are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings_check import KNOWN, setting_notices
from config.env_file import read_env_lines
from config.misspelt import faults_of_file, foreign_names, unknown_names
from config.program_settings import SECRETS
from config.project import ROOT
from config.settings import load_settings


def of_file(folder: Path, text: str | bytes) -> list[str]:
    file = folder / ".env"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = read_env_lines(file)
    return [*map(str, faults_of_file(found, KNOWN, SECRETS, file)), *foreign_names(found, KNOWN, file)]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LLM_MODLE", "LLM_MODEL"),
        ("LLM_MODELL", "LLM_MODEL"),
        ("llm_modle", "LLM_MODEL"),
        ("DISCORD_TOKN", "DISCORD_TOKEN"),
        ("DISCORD_BOT_TOKEN", "DISCORD_TOKEN"),
        ("TTS_ENGNE", "TTS_ENGINE"),
        ("TTS_VIOCE", "TTS_VOICE"),
        ("STT_LANGAUGE", "STT_LANGUAGE"),
        ("WHO_MAY_JION", "WHO_MAY_JOIN"),
        ("CHAT_CHANNEL", "CHAT_CHANNELS"),
        ("LLM_BASE_URL", "LLM_URL"),
        ("VISION_URL", "VISION_LLM_URL"),
    ],
)
def test_a_misspelt_name_is_noticed_in_the_file_and_in_the_environment(tmp_path: Path, name: str, meant: str) -> None:
    sentence = f"{name} is not a setting. Did you mean {meant}?"
    assert unknown_names([name], KNOWN) == [sentence]
    assert [line.split(": ", 1)[1] for line in of_file(tmp_path, f"{name}=x\n")] == [sentence]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WRONG_GUESSES", "WRONG_GUESSES_PER_MINUTE"),
        ("INTERIMS", "INTERIM_TRANSCRIPTS"),
        ("KNOWLEDGE_PATH", "KNOWLEDGE_DIR"),
        ("KNOWLEGE_PATH", "KNOWLEDGE_DIR"),
        ("MUSIC_PATH", "MUSIC_DIR, MUSIC_URLS or MUSIC_VOLUME"),
        ("web_address", "WEB_ALLOWED_ORIGINS, WEB_BIND or WEB_TOKEN"),
        ("VOICE", "VOICE_ENABLED or VOICE_GPU"),
        ("LLM", "one of the settings that begin with LLM_"),
    ],
)
def test_a_name_that_begins_as_a_setting_gets_a_hint_and_is_no_error(tmp_path: Path, name: str, meant: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{name}=3\n")
    lines = read_env_lines(file)
    assert faults_of_file(lines, KNOWN, SECRETS, file) == []
    assert foreign_names(lines, KNOWN, file) == [f"{file}, line 1: {name} is not a setting. Did you mean {meant}?"]


@pytest.mark.parametrize(
    ("name", "meant"), [("DATA_FOLDER", "DATA_DIR"), ("CHARACTER", "PERSONA"), ("MODEL", "LLM_MODEL")]
)
def test_another_word_for_a_setting_is_understood(tmp_path: Path, name: str, meant: str) -> None:
    (line,) = of_file(tmp_path, f"{name}=x\n")
    assert line.endswith(f"{name} is not a setting. Did you mean {meant}?")


def test_each_unknown_name_is_reported_with_its_line_number(tmp_path: Path) -> None:
    text = "\n# a comment\nLLM_MODLE=a\r\nPERSONA=mia\n\n\nPERSONNA=b\nUTTERLY_OTHER=c\n"
    assert [line.partition(".env, line ")[2] for line in of_file(tmp_path, text)] == [
        "3: LLM_MODLE is not a setting. Did you mean LLM_MODEL?",
        "7: PERSONNA is not a setting. Did you mean PERSONA?",
        "8: UTTERLY_OTHER is not a setting.",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TTS_VOICE: de\n", ("line 1", "not with a colon", "TTS_VOICE=")),
        ("PERSONA=mia\nTTS_VOIC: de\n", ("line 2", "TTS_VOICE?")),
        ("VOICE_ENABLED\n", ("line 1", "no =", "VOICE_ENABLED=")),
        ("LLM_MODEL=a\n\nLLM_MODEL=b\n", ("line 3", "LLM_MODEL is set on line 1 too")),
        ("LLM_MODEL='a\nPERSONA=mia\n", ("line 1", "quote")),
        ("what is this?\n", ("line 1", "NAME=value")),
    ],
)
def test_a_line_without_effect_or_with_a_repeated_setting_is_noticed(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    first = of_file(tmp_path, text)[0]
    assert [word for word in words if word not in first] == []


@pytest.mark.parametrize(
    "text", ["DISCORD_TOKEN: hunter2\n", "DISCORD_TOKN=hunter2\n", "hunter2!\n", "TTS_TOKEN: 'hunter2\n"]
)
def test_no_value_is_shown_since_it_may_be_secret(tmp_path: Path, text: str) -> None:
    said = of_file(tmp_path, text)
    assert said
    assert "hunter2" not in "".join(said)


def test_correct_lines_are_not_reported(tmp_path: Path) -> None:
    assert of_file(tmp_path, (ROOT / ".env.example").read_bytes()) == []
    ours = "export LLM_MODEL = 'x' # why\nllm_url=\nTTS_BETTER_ENGINE=xtts\n"
    others = "OPENAI_API_KEY=k\nTZ=UTC\nHF_TOKEN=t\nCOMPOSE_FILE=a\nhttp_proxy=p\n"
    assert of_file(tmp_path, ours + others) == []
    assert of_file(tmp_path, b"\xef\xbb\xbfLLM_MODEL=x\r\nPERSONA=mia\r\n") == []


def test_names_of_other_programs_in_the_environment_are_ignored(tmp_path: Path) -> None:
    others = ["PATH", "TTS_HOME", "TTS_SERVICE_HOST", "TTS_PORT_8765_TCP", "UTTERLY_OTHER", "tts_voice", "LLM_URL"]
    assert unknown_names(others, KNOWN) == []


def test_a_prefix_that_discord_keeps_for_itself_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (notice,) = setting_notices(load_settings(command_prefix="/"))
    assert notice.startswith("COMMAND_PREFIX=/ clashes with Discord")
    assert setting_notices(load_settings(command_prefix="?")) == []


def test_a_server_that_another_setting_overrides_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(llm_url="http://a:1/v1", llm_url_amd="http://b:1/v1")
    assert "LLM_URL_AMD is not used, because LLM_URL is set." in setting_notices(settings)
