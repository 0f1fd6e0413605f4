"""Tests of the telephone's settings: when it is on, who may call, and what is warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.settings_check import setting_notices
from config.errors import SettingsError
from config.settings import Settings

AUTH: dict[str, Any] = {"twilio_auth_token": "the-token", "phone_public_url": "https://phone.example.org"}


@pytest.fixture(autouse=True)
def without_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def notices(**given: Any) -> str:
    return "\n".join(setting_notices(Settings.read(**given)))


def test_the_telephone_is_off_until_one_of_its_networks_is_set_up() -> None:
    settings = Settings.read()
    assert not settings.takes_twilio
    assert not settings.sip.on
    assert not Settings.read(twilio_auth_token="the-token").takes_twilio
    assert Settings.read(**AUTH).takes_twilio
    assert Settings.read(sip_registrar="192.168.1.1").sip.on
    assert Settings.read(sip_bind="127.0.0.1:5060").sip.on, "set explicitly, to its default"


@pytest.mark.parametrize(
    ("allow", "number", "allowed"),
    [
        ("", "+4930123456", False),
        ("", "", False),
        ("+49 30 / 123-456", "+4930123456", True),
        ("+4930123456", "+49301234567", False),
        ("+49301*, +4417*", "+4417555", True),
        ("+49301*", "+4930", False),
        ("+49301*", "", False),
        ("+49*", "+49evil@there", False),
        ("+49*", "sip:+4930123456@pbx.example", True),
        ("1001", "1001@pbx.example", True),
        ("**610,030123456", "**610", True),
        ("**610", "**6101", False),
        ("**6*", "**620@fritz.box", True),
        ("ada@pbx.example", "Ada@PBX.example", True),
        ("ada@pbx.example", "ada@elsewhere.example", False),
        ("ada@*", "ada@elsewhere.example", True),
        ("*", "+1", True),
        ("*", "", True),
    ],
)
def test_only_the_numbers_of_the_list_may_call(allow: str, number: str, allowed: bool) -> None:
    assert Settings.read(phone_allow=allow).phone.allows(number) is allowed


@pytest.mark.parametrize("nobody", ["ada", "+4930l23456", "+493O123456", "192.168.1.x"])
def test_an_entry_of_the_list_that_fits_no_caller_is_refused(nobody: str) -> None:
    with pytest.raises(SettingsError, match="is neither a number nor a SIP address such as ada@"):
        Settings.read(phone_allow=f"+4930123456,{nobody}")


def test_a_telephone_that_is_open_to_everyone_is_warned_of() -> None:
    assert "PHONE_ALLOW=* lets everyone call" in notices(**AUTH, phone_allow="*")
    assert "PHONE_ALLOW" not in notices(**AUTH, phone_allow="*", phone_pin="2468")
    assert "lets everyone" not in notices(phone_allow="*"), "the telephone is off"
    assert "Nobody may call" in notices(sip_bind="127.0.0.1:5060")


ANY = "0.0.0.0:5060"  # no test listens there
ADA = "+4930123456"


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"sip_bind": ANY, "phone_allow": ADA}, True),
        ({"sip_bind": "[::]:5060", "phone_allow": ADA}, True),
        ({"sip_bind": "192.168.1.7:5060", "phone_allow": "+49*", **AUTH}, True),
        ({"sip_bind": ANY, "phone_allow": ADA, "phone_pin": "2468"}, False),
        ({"sip_bind": "127.0.0.1:5060", "phone_allow": ADA}, False),
        ({"sip_bind": ANY, "phone_allow": ADA, "sip_registrar": "fritz.box", "sip_user": "610"}, False),
        ({"sip_bind": ANY}, False),
        ({"sip_bind": ANY, "phone_allow": "*"}, False),  # Another notice says more.
    ],
)
def test_a_list_of_numbers_that_anybody_can_forge_is_warned_of(settings: dict[str, str], warned: bool) -> None:
    assert ("They can give any number as theirs" in notices(**settings)) is warned


def test_incomplete_settings_of_twilio_and_sip_are_warned_of() -> None:
    assert "TWILIO_AUTH_TOKEN is not used" in notices(twilio_auth_token="the-token")
    assert "PHONE_PUBLIC_URL is not used" in notices(phone_public_url="https://phone.example.org")
    assert "SIP_USER is not" in notices(sip_registrar="pbx.example")


def test_settings_that_can_bring_no_phone_call_are_warned_of() -> None:
    assert "only over https" in notices(twilio_auth_token="the-token", phone_public_url="http://phone.example.org")
    assert "https" not in notices(**AUTH, phone_allow="*", phone_pin="2468")
    assert "SIP_PASSWORD is not" in notices(sip_registrar="pbx.example", sip_user="610")
    assert "SIP_USER is not used" in notices(sip_user="610")
    assert "SIP_USER and SIP_PASSWORD are not used" in notices(sip_user="610", sip_password="secret")
    assert "PHONE_ALLOW is not used" in notices(phone_allow="+49*")
    assert "PHONE_ALLOW" not in notices(sip_bind=ANY, phone_allow="+49*", phone_pin="2468")
    assert "SIP_EXTERNAL_ADDRESS is not used" in notices(sip_external_address="192.0.2.7")
    complete = notices(sip_registrar="pbx.example", sip_user="610", sip_password="secret", phone_allow="+49*")
    assert "SIP_" not in complete


def test_sip_in_a_container_needs_its_outer_address(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "the container's own address"
    assert told not in notices(sip_bind=ANY)
    monkeypatch.setenv("SEIYUU_CONTAINER", "1")
    assert told in notices(sip_bind=ANY)
    assert told not in notices(sip_bind=ANY, sip_external_address="192.0.2.7")


def test_the_pin_is_not_shown() -> None:
    settings = Settings.read(phone_pin="135790", sip_password="hunter2", twilio_auth_token="hunter3")
    assert not any(secret in repr(settings) for secret in ("135790", "hunter2", "hunter3"))


def test_the_ports_for_sound_are_a_range() -> None:
    assert Settings.read(sip_rtp_ports="20000 - 20001").sip.rtp_range == range(20000, 20002)
