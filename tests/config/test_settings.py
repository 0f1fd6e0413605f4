"""Tests of the settings: all variables, and errors that say what to change."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from bot.llm.templates import CHAT_TEMPLATES
from config.engine_sections import ChatTemplate
from config.errors import SettingsError
from config.examples import EXAMPLES
from config.program_settings import SECRETS
from config.settings import Settings, load_settings
from config.speech_settings import SpeechSettings
from config.types import GpuVendor

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_the_embedded_profile_is_the_default() -> None:
    settings = load_settings()
    assert settings.runs_llm
    assert settings.command_prefix == "!"
    assert settings.llm.context_messages == 4


def test_every_example_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {variable.lower() for variable in EXAMPLES} <= {*Settings.settings(), *SpeechSettings.settings()}
    refused = {}
    for variable, value in EXAMPLES.items():
        with monkeypatch.context() as environment:
            environment.setenv(variable, value)
            try:
                load_settings()
                SpeechSettings.read()
            except SettingsError as error:
                refused[variable] = str(error)
    assert refused == {}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROFILE", "cloud"),
        ("COMMAND_PREFIX", "a b"),
        ("LLM_URL", "localhost:8080"),
        ("LLM_URL", "ftp://example"),
        ("LLM_API", "chats"),
        ("LLM_TEMPERATURE", "hot"),
        ("LLM_TEMPERATURE", "7"),
        ("LLM_MAX_TOKENS", "0"),
        ("LLM_CONTEXT_MESSAGES", "-1"),
        ("VOICE_GPU", "intel"),
        ("LLM_CHAT_TEMPLATE", "klingon"),
        ("VOICE_ENABLED", "perhaps"),
        ("TTS_WEBSOCKET_URL", "http://127.0.0.1:8765"),
        ("TTS_BIND", "8765"),
        ("PERSONA", "../../etc/passwd"),
    ],
)
def test_a_wrong_value_is_reported_in_one_line_with_its_name_and_an_example(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{variable}: ")
    assert value in line
    assert f"{variable}={EXAMPLES[variable]}" in line


def test_two_wrong_values_are_reported_in_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE", "x")
    monkeypatch.setenv("LLM_MAX_TOKENS", "many")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("variable", sorted(SECRETS))
def test_secrets_never_appear_in_printed_settings(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = "246813579" if variable == "PHONE_PIN" else "hunter2-secret"
    monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert value not in repr(settings)
    assert value not in str(settings)
    assert value not in str(settings.model_dump())


def test_the_env_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("COMMAND_PREFIX=?\nPERSONA=mia\nLLM_URL=\n")
    monkeypatch.setenv("COMMAND_PREFIX", "$")
    settings = load_settings()
    assert (settings.command_prefix, settings.persona, settings.llm.url) == ("$", "mia", None)


def test_a_profile_without_its_server_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE", "local")
    with pytest.raises(SettingsError, match="LLM_URL is not set"):
        load_settings()


@pytest.mark.parametrize("profile", ["local", "hybrid"])
@pytest.mark.parametrize("model", ["/models/my-7b.gguf", "qwen2.5-7b-q5"])
def test_a_model_that_the_bot_serves_itself_needs_no_server(
    profile: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROFILE", profile)
    monkeypatch.setenv("LLM_MODEL", model)
    assert load_settings().runs_llm
    monkeypatch.setenv("LLM_URL", "http://127.0.0.1:9/v1")
    assert not load_settings().runs_llm


def test_a_hosted_model_needs_a_server_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE", "api")
    monkeypatch.setenv("LLM_MODEL", "gpt-4o")
    with pytest.raises(SettingsError, match="LLM_URL is not set"):
        load_settings()


def test_the_gpu_for_calls_chooses_the_model_server_unless_llm_url_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_URL_NVIDIA", "http://127.0.0.1:8090/v1")
    monkeypatch.setenv("LLM_URL_AMD", "http://127.0.0.1:8091/v1")
    monkeypatch.setenv("VOICE_GPU", "amd")
    settings = load_settings()
    assert settings.llm.call_url == "http://127.0.0.1:8091/v1"
    assert settings.llm.known_call_gpu is GpuVendor.AMD
    monkeypatch.setenv("LLM_URL", "http://127.0.0.1:9/v1/")
    settings = load_settings()
    assert settings.llm.call_url == "http://127.0.0.1:9/v1"
    assert settings.llm.known_call_gpu is None


@pytest.mark.parametrize(
    ("model", "asked"), [("whisper-1", "whisper-1"), ("Systran/small", "Systran/small"), ("/data/models/small", None)]
)
def test_a_transcription_server_is_not_asked_for_a_folder_of_this_machine(
    model: str, asked: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STT_MODEL", model)
    assert load_settings().stt.server_model == asked


def test_stop_words_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_STOP", "<|im_end|>, User:,")
    assert load_settings().llm.stop == ("<|im_end|>", "User:")


def test_every_variable_is_in_the_example_file() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    missing = [name.upper() for name in Settings.settings() if f"{name.upper()}=" not in text]
    assert missing == []


def test_the_setting_allows_exactly_the_existing_chat_templates() -> None:
    assert set(get_args(ChatTemplate)) == set(CHAT_TEMPLATES)


def test_the_operator_guide_explains_every_variable() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operator-guide.md").read_text(encoding="utf-8")
    missing = [name.upper() for name in Settings.settings() if f"`{name.upper()}`" not in text]
    assert missing == []


def test_the_only_model_server_serves_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_URL_AMD", "http://127.0.0.1:8091/v1")
    assert load_settings().llm.call_gpu is GpuVendor.AMD
    monkeypatch.setenv("LLM_URL_NVIDIA", "http://127.0.0.1:8090/v1")
    assert load_settings().llm.call_gpu is GpuVendor.NVIDIA
    monkeypatch.setenv("VOICE_GPU", "amd")
    assert load_settings().llm.call_gpu is GpuVendor.AMD


@pytest.mark.parametrize(
    "value", ["{think: false}", "[1]", '"x"', "null", '{"a": NaN}', '{"a": -1e999}', "{" * 9, '{"messages": []}']
)
def test_extra_fields_must_be_a_json_object(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_EXTRA", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    line = str(caught.value)
    assert line.startswith("LLM_EXTRA: ")
    assert "JSON" in line or "messages" in line
    assert "LLM_EXTRA={" in line


def test_extra_fields_are_read_from_a_file_as_well(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('LLM_EXTRA=\'{"chat_template_kwargs": {"enable_thinking": false}}\'\n')
    assert load_settings().llm.extra == {"chat_template_kwargs": {"enable_thinking": False}}


def test_an_empty_value_means_no_extra_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_EXTRA", " ")
    monkeypatch.setenv("LLM_CONTEXT_TOKENS", "")
    settings = load_settings()
    assert settings.llm.extra == {}
    assert settings.llm.context_tokens is None


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        ("WHO_MAY_CONTROL", "Call", "call"),
        ("WHO_MAY_CONTROL", "call, role: DJ Night,123", "call, role:DJ Night, 123"),
        ("WHO_MAY_CONTROL", "", "call"),
        ("WHO_MAY_TALK", "managers", "managers"),
        ("WHO_MAY_RECORD", "NOBODY", "nobody"),
        ("OWNERS", "123456789012345678, <@42>", (123456789012345678, 42)),
        ("OWNERS", "", ()),
    ],
)
def test_permits_are_read(variable: str, value: str, read: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert load_settings().values()[variable.lower()] == read


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WHO_MAY_CONTROL", "nobody"),
        ("WHO_MAY_CONTROL", "freinds"),
        ("WHO_MAY_JOIN", "call"),
        ("WHO_MAY_TALK", "nobody"),
        ("WHO_MAY_RECORD", "call, nobody"),
        ("OWNERS", "Ada"),
        ("OWNERS", "everyone"),
    ],
)
def test_invalid_permits_are_refused_in_plain_words(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{variable}: {value!r} is not valid. It must be ")
    assert f"for example {variable}=" in str(caught.value)


def test_an_empty_value_does_not_count_as_chosen_by_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_MAX_TOKENS", " ")
    monkeypatch.setenv("LLM_TEMPERATURE", "0.8")
    settings = load_settings()
    assert settings.llm.chosen == {"temperature"}


@pytest.mark.parametrize("name", ["PROFILE", "LLM_TEMPERATURE", "VOICE_ENABLED", "LLM_MAX_TOKENS"])
def test_a_variable_that_is_not_in_utf_8_is_reported_in_plain_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "\udcff")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"{name}: '\\udcff' is not valid. It must be written in UTF-8, for example {name}=" in str(caught.value)
