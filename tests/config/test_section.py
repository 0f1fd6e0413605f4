"""Tests of sections of settings: each setting keeps its variable, and can be read and changed by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.section import Section, fields_of
from config.settings import Settings

pytestmark = pytest.mark.usefixtures("clean_environment")

SECTIONS = [name for name, field in Settings.model_fields.items() if isinstance(field.default, Section)]


def test_a_setting_is_read_into_its_section_from_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LLM_MODEL=from-the-file\nLLM_MAX_TOKENS=7\nVOICE_GPU=AMD\nSTT_THREADS= \n")
    (tmp_path / "llm_api_key").write_text("of-a-file\n")
    monkeypatch.setenv("LLM_MODEL", "from-the-environment")
    settings = Settings.read(secrets_dir=tmp_path, llm_temperature=0.5)
    llm = settings.llm
    assert (llm.model, llm.max_tokens, llm.voice_gpu, llm.temperature) == ("from-the-environment", 7, "amd", 0.5)
    assert llm.api_key is not None
    assert llm.api_key.get_secret_value() == "of-a-file"
    assert llm.chosen == {"model", "max_tokens", "voice_gpu", "temperature", "api_key"}
    assert settings.stt.chosen == frozenset()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_name_of_a_section_is_not_a_variable(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Settings.read()
    monkeypatch.setenv(section.upper(), '{"url": 1}')
    (tmp_path / ".env").write_text(f"{section}=x\n")
    assert Settings.read() == usual


def test_an_invalid_setting_leaves_the_rest_of_its_section_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_TEMPERATURE", "hot")
    monkeypatch.setenv("LLM_MAX_TOKENS", "7")
    settings, (fault,) = Settings.survey()
    assert fault.variables == ("LLM_TEMPERATURE",)
    assert (settings.llm.temperature, settings.llm.max_tokens) == (0.8, 7)


def test_settings_are_read_and_changed_by_their_names() -> None:
    settings = Settings.read(llm_url="http://here/v1/", persona="mia")
    changed = settings.changed(llm_model="m", llm_max_tokens=9, persona="seiyuu")
    assert (changed.llm.model, changed.llm.max_tokens, changed.llm.url) == ("m", 9, "http://here/v1")
    assert (changed.values()["llm_model"], changed.values()["persona"]) == ("m", "seiyuu")
    assert (settings.llm.model, settings.persona) == (None, "mia")
    with pytest.raises(KeyError):
        settings.changed(llm_modell="m")


def test_the_error_about_two_settings_names_both_also_if_one_is_in_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONA", "mia")
    monkeypatch.setenv("BIPOLAR_TWIN", "mia")
    with pytest.raises(SettingsError, match=r"^BIPOLAR_TWIN: 'mia' is not valid\.") as caught:
        Settings.read()
    assert set(caught.value.faults[0].variables) == {"BIPOLAR_TWIN", "PERSONA"}


def test_no_two_settings_have_the_same_variable() -> None:
    inside = sum(len(fields_of(type(Settings.model_fields[name].default))) for name in SECTIONS)
    assert len(Settings.settings()) == len(Settings.model_fields) - len(SECTIONS) + inside
