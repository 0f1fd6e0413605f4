"""Host names: those that always mean this machine are told apart from those that an attacker could direct to it."""

from __future__ import annotations

import pytest

from web_access.hosts import host_name, is_loopback, is_safe_name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8770", "localhost"),
        ("127.0.0.1:8770", "127.0.0.1"),
        ("[::1]:8770", "::1"),
        ("bot_1.lan:1", "bot_1.lan"),
        ("localhost:", "localhost"),
        ("evil.example@127.0.0.1", None),
        ("127.0.0.1/evil.example", None),
        ("127.0.0.1?x", None),
        ("127.0.0.1\\x", None),
        ("a b", None),
        ("[::1", None),
        ("[evil]", None),
        ("evil。example", None),
        ("x" * 300, None),
        ("", None),
    ],
)
def test_the_name_in_a_header_is_read_strictly(host: str, name: str | None) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    "name", ["localhost", "localhost.", "a.localhost", "127.0.0.1", "127.255.0.9", "::1", "LOCALHOST"]
)
def test_loopback_names_mean_this_machine(name: str) -> None:
    assert is_loopback(name)
    assert is_safe_name(name)


@pytest.mark.parametrize("name", ["127.0.0.1.evil.example", "evillocalhost.example", "128.0.0.1", "2001:db8::1", None])
def test_other_names_do_not_mean_this_machine(name: str | None) -> None:
    assert not is_loopback(name)
    assert not is_safe_name(name)


def test_known_names_and_names_without_a_dot_are_safe() -> None:
    assert is_safe_name("chat.example", {"chat.example"})
    assert is_safe_name("bot")
    assert not is_safe_name("other.example", {"chat.example"})
