"""Tests of settings that list several servers, parted by commas."""

from __future__ import annotations

import pytest

from bot.llm.requests import ModelOptions
from bot.settings_check import setting_notices
from config.errors import SettingsError
from config.settings import load_settings

HERE, THERE = "http://127.0.0.1:8080/v1", "https://api.example.com/v1"


def options(**settings: str) -> list[tuple[str, str | None, str | None]]:
    """The address, model and key of each server."""
    made = ModelOptions.all(load_settings(**settings).llm)
    return [(each.url, each.model, each.api_key.get_secret_value() if each.api_key else None) for each in made]


def test_each_server_of_a_list_has_its_own_model_and_key() -> None:
    assert options(llm_url=f"{HERE}/, {THERE}", llm_model="small,large", llm_api_key=",sk-1") == [
        (HERE, "small", None),
        (THERE, "large", "sk-1"),
    ]


def test_one_value_is_for_all_servers() -> None:
    assert options(llm_url=f"{HERE},{THERE}", llm_model="m") == [(HERE, "m", None), (THERE, "m", None)]


def test_local_servers_come_first_with_their_models_and_keys() -> None:
    assert options(llm_url=f"{THERE},{HERE}", llm_model="large,small", llm_api_key="sk-1,") == [
        (HERE, "small", None),
        (THERE, "large", "sk-1"),
    ]


def test_the_values_of_a_single_server_keep_their_commas() -> None:
    assert options(llm_url=HERE, llm_model="a,b", llm_api_key="sk,1") == [(HERE, "a,b", "sk,1")]


def test_calls_use_the_preferred_server() -> None:
    settings = load_settings(llm_url=f"{THERE},{HERE}", llm_model="large,small")
    assert (settings.llm.call_url, settings.llm.call_model) == (HERE, "small")
    assert ModelOptions.of(settings.llm, HERE).model == "small"


@pytest.mark.parametrize(
    ("name", "value"), [("LLM_MODEL", "a,b,c"), ("LLM_API_KEY", "sk-secret1,sk-secret2,sk-secret3")]
)
def test_a_list_of_another_length_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(llm_url=f"{HERE},{THERE}", **{name.lower(): value})
    said = str(raised.value)
    assert f"{name}: {'its value' if 'KEY' in name else repr(value)} is not valid" in said
    assert "It must have one value for all servers of LLM_URL, or 2 separated by commas" in said
    assert f"for example {name}=" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"llm_url": f"{HERE},{THERE},{HERE}/"}, f"LLM_URL: {HERE!r} is listed twice"),
        ({"llm_url": f"{HERE},{HERE}", "llm_model": "m,m"}, "and LLM_MODEL must have one value for each address"),
        (
            {"llm_url": f"{HERE},{HERE}", "llm_api_key": "sk-secret,sk-secret"},
            "and LLM_API_KEY must have one value for each address",
        ),
        ({"stt_url": f"{THERE},{THERE}"}, f"for example STT_URL={THERE}"),
        (
            {"tts_websocket_url": "ws://a:1/x,ws://b:1/x,ws://A:1/x"},
            "for example TTS_WEBSOCKET_URL=ws://a:1/x,ws://b:1/x",
        ),
    ],
)
def test_a_server_that_is_listed_twice_is_refused(settings: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(**settings)
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_server_may_stand_in_for_itself_with_another_model_or_key() -> None:
    assert options(llm_url=f"{HERE},{HERE}", llm_model="large,small") == [(HERE, "large", None), (HERE, "small", None)]
    assert len(options(llm_url=f"{THERE},{THERE}", llm_api_key="sk-1,sk-2")) == 2


@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"llm_url": HERE, "llm_model": "a,b,c"}, "LLM_MODEL=a,b,c with a comma counts as one value, because LLM_URL"),
        ({"stt_url": HERE, "stt_api_key": "sk-secret,sk-b"}, "STT_API_KEY with a comma counts as one value"),
    ],
)
def test_several_models_for_one_address_are_a_probable_mistake(settings: dict[str, str], told: str) -> None:
    (notice,) = setting_notices(load_settings(**settings))
    assert notice.startswith(told)
    assert "secret" not in notice


@pytest.mark.usefixtures("clean_environment")
def test_one_model_for_one_address_and_lists_that_fit_are_no_mistakes() -> None:
    assert setting_notices(load_settings(llm_url=HERE, llm_model="a", llm_api_key="sk")) == []
    assert setting_notices(load_settings(llm_url=f"{HERE},http://127.0.0.1:9/v1", llm_model="a,b")) == []
    assert setting_notices(load_settings(stt_model="tiny", llm_model="a,b")) == []


@pytest.mark.parametrize("wrong", ["localhost:9", "ws://a/v1", "http://ada:pw@b/v1"])
def test_a_wrong_address_in_a_list_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match="LLM_URL") as raised:
        load_settings(llm_url=f"{HERE},{wrong}")
    assert ("pw" in str(raised.value)) is False
    assert ("@" in wrong) or wrong in str(raised.value)
