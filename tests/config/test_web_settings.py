"""Tests of settings for HTTP: who may connect to the bot's server, and from which hosts music may be fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import Settings


@pytest.fixture(autouse=True)
def without_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("bind", ["0.0.0.0:8770", "[::]:8770", "192.168.1.5:8770", "my-machine:8770"])
def test_off_loopback_a_token_is_needed(bind: str) -> None:
    with pytest.raises(SettingsError, match=r"^WEB_TOKEN: must be set, since WEB_BIND=.* for example WEB_TOKEN="):
        Settings.read(web_bind=bind)
    assert Settings.read(web_bind=bind, web_token="a secret").web.bind == bind


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "localhost:8770", "[::1]:8770", "127.1.2.3:1"])
def test_on_loopback_no_token_is_needed(bind: str) -> None:
    assert Settings.read(web_bind=bind).web.token is None


@pytest.mark.parametrize("sign", ["\ud800", "\x1b", "\n"])
def test_an_address_with_a_sign_that_cannot_be_printed_is_refused(sign: str) -> None:
    with pytest.raises(SettingsError, match=r"^WEB_BIND: .* is not valid\.") as wrong:
        Settings.read(web_bind=f"127.{sign}.0.1:8770")
    assert str(wrong.value).isprintable()


def test_a_setting_that_lets_every_web_page_connect_needs_a_token() -> None:
    with pytest.raises(SettingsError, match=r"^WEB_ALLOWED_ORIGINS: '\*' lets every web page .* WEB_TOKEN"):
        Settings.read(web_allowed_origins="https://a.example, *")
    assert Settings.read(web_allowed_origins="*", web_token="a secret").web.allowed_origins == ("*",)
    named = Settings.read(web_allowed_origins="HTTPS://A.example:443/, http://b.example:8000")
    assert named.web.allowed_origins == ("https://a.example", "http://b.example:8000")


def test_the_token_is_not_shown() -> None:
    assert "a secret" not in repr(Settings.read(web_token="a secret"))
    with pytest.raises(SettingsError) as wrong:
        Settings.read(web_token="Bearer a secret")
    assert "a secret" not in str(wrong.value)


def test_the_hosts_of_music_are_read_as_dns_knows_them() -> None:
    read = Settings.read(music_urls="Music.Example.org, https://cdn.example.org/, münchen.example., ,192.0.2.1")
    assert read.music_urls == ("music.example.org", "cdn.example.org", "xn--mnchen-3ya.example", "192.0.2.1")
    assert Settings.read(music_urls=" ").music_urls == ()


@pytest.mark.parametrize(
    "host", ["*", "*.example.org", "a.example:8000", "a.example/music", "a@b.example", "a..b", "ftp://a.b"]
)
def test_an_entry_that_is_no_name_of_a_host_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="is not the name of a host, which looks like"):
        Settings.read(music_urls=f"music.example.org,{host}")
