"""Tests of settings that list several servers, parted by commas."""

from __future__ import annotations

import pytest

from bot.llm.requests import ModelOptions
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
    assert f"{name}: must have one value for all servers of LLM_URL, or 2 separated by commas" in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("wrong", ["localhost:9", "ws://a/v1", "http://ada:pw@b/v1"])
def test_a_wrong_address_in_a_list_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match="LLM_URL") as raised:
        load_settings(llm_url=f"{HERE},{wrong}")
    assert ("pw" in str(raised.value)) is False
    assert ("@" in wrong) or wrong in str(raised.value)
