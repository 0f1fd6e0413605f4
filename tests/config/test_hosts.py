"""Tests of two questions: is a server on this machine or the local network, and does a request to it cost money?"""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from config.hosts import costs_money, is_local

KEY = SecretStr("sk-0123456789")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/v1",
        "http://127.9.9.9/v1",
        "http://[::1]:8080/v1",
        "http://localhost:11434/v1",
        "http://LOCALHOST./v1",
        "http://llm.localhost/v1",
        "http://0.0.0.0:8080/v1",
        "http://10.1.2.3/v1",
        "http://172.16.0.9/v1",
        "https://192.168.1.20:8443/v1",
        "http://169.254.1.1/v1",
        "http://100.101.102.103:8080/v1",
        "http://[fd00::1]/v1",
        "http://[fe80::1]/v1",
        "http://[::ffff:192.168.1.20]/v1",
        "http://ollama:11434/v1",
        "http://workstation.local/v1",
        "http://box.lan/v1",
        "http://host.docker.internal:8080/v1",
        "https://box.tail1234.ts.net/v1",
        "ws://192.168.1.20:8765/ws/stream",
    ],
)
def test_servers_of_this_machine_and_the_local_network_are_local(url: str) -> None:
    assert is_local(url)
    assert not costs_money(url, KEY)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://openrouter.ai/api/v1",
        "http://8.8.8.8/v1",
        "http://172.32.0.1/v1",
        "http://100.128.0.1/v1",
        "http://[2001:4860:4860::8888]/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "https://localhost.example.org/v1",
        "https://mylocal.com/v1",
        "https://lan.com/v1",
        "http://[not an address/v1",
        "",
    ],
)
def test_all_other_servers_are_not_local(url: str) -> None:
    assert not is_local(url)


def test_requests_cost_money_at_a_server_on_the_internet_that_gets_a_key() -> None:
    assert costs_money("https://api.openai.com/v1", KEY)
    assert costs_money("https://api.openai.com/v1", "sk-0123456789")
    assert not costs_money("https://llm.example.org/v1", None)
    assert not costs_money("https://llm.example.org/v1", SecretStr(""))
    assert not costs_money(None, KEY)
