"""Tests of secrets in files, as containers get them, for the bot and the speech server."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from config.errors import SettingsError
from config.project import child_environment
from config.settings import load_settings
from config.speech_settings import ENGINE_VARIABLES, SpeechSettings, engine_variables

pytestmark = pytest.mark.usefixtures("clean_environment")

PRINT_TOKEN = """\
from config.settings import load_settings
token = load_settings().discord_token
print(token and token.get_secret_value())
"""


def read_in_a_new_process(folder: Path, **variables: str) -> str:
    """The Discord token that a program reads with this environment; the text "None" if it has none."""
    command = [sys.executable, "-c", PRINT_TOKEN]
    done = subprocess.run(
        command, cwd=folder, env=child_environment(variables), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "discord_token").write_text("token-from-a-file\n")
    (folder / "tts_token").write_text("shared-secret\n")
    return folder


def test_the_bot_reads_its_secrets_from_files(secrets: Path) -> None:
    settings = load_settings(secrets_dir=secrets)
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == "token-from-a-file"


def test_the_speech_server_reads_its_token_from_a_file_and_may_listen_to_other_machines(secrets: Path) -> None:
    settings = SpeechSettings.read(secrets, tts_bind="0.0.0.0:8765")
    assert settings.tts.token is not None
    assert settings.tts.token.get_secret_value() == "shared-secret"


def test_the_empty_variable_of_the_example_file_hides_no_secret(
    secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=\n")
    monkeypatch.setenv("TTS_TOKEN", "")
    assert load_settings(secrets_dir=secrets).discord_token is not None
    assert SpeechSettings.read(secrets).tts.token is not None


def test_a_missing_folder_of_secrets_is_not_reported(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_settings(secrets_dir=tmp_path / "none").discord_token is None
        assert SpeechSettings.read(tmp_path / "none").tts.token is None


def test_the_keys_of_cloud_voices_may_be_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("AZURE_SPEECH_KEY", "of the environment")
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=http://there/v1\nELEVENLABS_API_KEY=of .env\n")
    (tmp_path / "openai_api_key").write_text("of a file\n")
    found = engine_variables(tmp_path)
    assert {name: found.get(name) for name in ENGINE_VARIABLES if name in found} == {
        "OPENAI_API_KEY": "of a file",
        "OPENAI_BASE_URL": "http://there/v1",
        "AZURE_SPEECH_KEY": "of the environment",
        "ELEVENLABS_API_KEY": "of .env",
    }


def test_an_empty_file_hides_no_variable(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "discord_token").write_text("\n")
    (secrets / "openai_api_key").write_text("")
    monkeypatch.setenv("DISCORD_TOKEN", "of-the-environment")
    monkeypatch.setenv("OPENAI_API_KEY", "of the environment")
    settings = load_settings(secrets_dir=secrets)
    assert settings.discord_token is not None
    assert settings.discord_token.get_secret_value() == "of-the-environment"
    assert engine_variables(secrets)["OPENAI_API_KEY"] == "of the environment"


def test_a_mistake_in_env_is_not_attributed_to_an_empty_secret_file(secrets: Path, tmp_path: Path) -> None:
    (secrets / "discord_token").write_text("\n")
    (tmp_path / ".env").write_text("DISCORD_TOKEN=two words\n")
    with pytest.raises(SettingsError, match=r"^\.env, line 1: DISCORD_TOKEN"):
        load_settings(secrets_dir=secrets)


def test_the_environment_may_name_another_folder_of_secrets(secrets: Path, tmp_path: Path) -> None:
    for folder, token in ((secrets, "token-from-a-file"), (tmp_path / "none", "None")):
        assert read_in_a_new_process(tmp_path, SECRETS_DIR=str(folder)) == token
