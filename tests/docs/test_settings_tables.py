"""The tables of settings and ``.env.example`` agree with the code: names, defaults and valid examples."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from bot.operator_files import CORRECTIONS_FILE
from config.errors import SettingsError
from config.settings import Profile, Settings
from config.speech_settings import ENGINE_VARIABLES, SpeechSettings, engine_variables
from config.types import BlankCounts
from tests.docs.pages import API, CODE, EXAMPLE, OPERATOR, Line, Row, lines, rows
from wire.presets import COMMON_FILE

pytestmark = pytest.mark.usefixtures("clean_environment")

OF_COMPOSE = {"COMPOSE_FILE", "COMPOSE_PROFILES", "COMFYUI_IMAGE"}
"""Variables that only Docker Compose reads."""
MEASURING = {name for name in SpeechSettings.settings() if name.startswith("tts_stand_in")}
"""Settings of the stand-in engine, which only tests and benchmarks use: they are only in docs/api.md."""
_ELSEWHERE = {"TTS_PRESETS": f"config/{COMMON_FILE.name}", "STT_CORRECTIONS": f"data/{CORRECTIONS_FILE}"}
"""Defaults that are not in the settings' classes."""


def default_of(name: str, *, speech_first: bool = False) -> Any:
    kinds = (SpeechSettings, Settings) if speech_first else (Settings, SpeechSettings)
    field = next(kind.settings()[name.lower()] for kind in kinds if name.lower() in kind.settings())
    return None if field.default is PydanticUndefined else field.default


def written(value: Any) -> str:
    """A value as it is written in ``.env``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def wrong_default(row: Row, name: str, cell: str, *, speech_first: bool = False) -> str | None:
    """The error in a default, if any."""
    default = default_of(name, speech_first=speech_first)
    if name in _ELSEWHERE:
        default = _ELSEWHERE[name]
    # Words may follow the default, and "DATA_DIR/" may stand for the usual folder.
    told = re.fullmatch(r"`([^`]*)`(?:; .*)?", cell)
    if told is None:
        nothing = default in (None, (), {}, "") or name in ("CACHE_DIR",)
        return None if nothing else f"{row.line}: {name} has the default {written(default)}, not {cell}"
    expected = told[1].replace("DATA_DIR/", "data/")
    return (
        None if written(default) == expected else f"{row.line}: {name} has the default {written(default)}, not {cell}"
    )


def test_every_setting_has_one_row_in_the_operator_guide() -> None:
    told = Counter(name for row in rows(OPERATOR, "variable") for name in row.code(0))
    there = {name.upper() for name in {*Settings.settings(), *SpeechSettings.settings()} - MEASURING}
    assert sorted(there - set(told)) == []
    assert sorted(set(told) - there) == []
    assert [name for name, times in told.items() if times > 1] == []


def test_the_defaults_in_the_operator_guide_are_those_of_the_code() -> None:
    found = [wrong_default(row, name, row.cells[1]) for row in rows(OPERATOR, "variable") for name in row.code(0)]
    assert [fault for fault in found if fault] == []


def test_the_api_page_has_all_settings_of_the_speech_server_with_the_defaults_of_the_code() -> None:
    table = [row for row in rows(API, "setting (environment or `.env`)") if row.cells[0]]
    assert {row.code(0)[0] for row in table} == {name.upper() for name in SpeechSettings.settings()}
    found = [wrong_default(row, row.code(0)[0], row.cells[2], speech_first=True) for row in table]
    assert [fault for fault in found if fault] == []


def _examples() -> Iterator[tuple[Line, str, str]]:
    for row in rows(OPERATOR, "variable"):
        for value in row.code(3) if row.cells[3].startswith("`") else ():
            yield row.line, row.code(0)[0], value
    for line in lines(EXAMPLE):
        if example := re.fullmatch(r"#?([A-Z_]+)=(.+)", line.text):
            yield line, example[1], example[2].strip("'")


def test_every_example_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {}
    for line, name, value in _examples():
        if name in OF_COMPOSE:
            continue
        with monkeypatch.context() as environment:
            environment.setenv(name, value)
            if name in ("TTS_BIND", "WEB_BIND"):
                environment.setenv(name.replace("BIND", "TOKEN"), "any")
            try:
                Settings.read()
                SpeechSettings.read()
            except SettingsError as error:
                refused[f"{line}"] = str(error)
            if name in ENGINE_VARIABLES:
                assert engine_variables()[name] == value, line
    assert refused == {}


def test_the_example_file_names_only_settings_and_sets_them_to_their_defaults() -> None:
    known = {name.upper() for name in {*Settings.settings(), *SpeechSettings.settings()}}
    wrong = []
    for line in lines(EXAMPLE):
        entry = re.fullmatch(r"(#?)([A-Z][A-Z_]+)=(.*)", line.text)
        if entry is None:
            if line.text and not line.text.startswith("# "):
                wrong.append(f"{line}: {line.text!r} is neither a setting nor a comment")
            continue
        name, value = entry[2], entry[3]
        if name not in known | OF_COMPOSE | ENGINE_VARIABLES:
            wrong.append(f"{line}: {name} is not a setting")
        elif not entry[1] and value and value.removeprefix("./") != written(default_of(name)):
            wrong.append(f"{line}: {name} has the default {written(default_of(name))}, not {value}")
    assert wrong == []


def test_every_secret_is_in_the_list_of_the_guide() -> None:
    from config.program_settings import SECRETS

    (line,) = [line for line in lines(OPERATOR) if line.text.startswith("- **Secrets** are")]
    assert [name for name in SECRETS if f"`{name}`" not in line.text] == []


def test_the_guide_names_the_settings_whose_empty_value_means_none() -> None:
    text = " ".join(line.text for line in lines(OPERATOR))
    (told,) = re.findall(r'An empty value means "not set", except for ([^.]+), where it means "none"', text)
    kinds = (Settings, SpeechSettings)
    fields = [(name, field) for kind in kinds for name, field in kind.settings().items()]
    counting = {name.upper() for name, field in fields if any(isinstance(mark, BlankCounts) for mark in field.metadata)}
    assert set(CODE.findall(told)) == counting


def test_every_profile_has_its_row() -> None:
    assert [row.code(0)[0] for row in rows(OPERATOR, "profile")] == [profile.value for profile in Profile]


def test_the_example_of_a_request_field_is_json() -> None:
    wrong = []
    for row in rows(OPERATOR, "server"):
        if row.header[1] != "`LLM_EXTRA`":
            continue
        for piece in row.code(1):
            if piece.startswith("{"):
                try:
                    json.loads(piece)
                except ValueError:
                    wrong.append(f"{row.line}: {piece} is not JSON")
    assert wrong == []
