"""The page's port: if the default port is taken, the next one is used. If a chosen port is taken, that is an error."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from bot.binding import TRIED_PORTS, WebBindError, take_port, web_url
from config.sections import WebSettings
from tests.free_ports import free_port


@contextmanager
def taken(settings: WebSettings) -> Iterator[str]:
    """Take the port. Yields the page's address."""
    with ExitStack() as stack:
        listening = take_port(settings)
        for each in listening:
            stack.enter_context(closing(each))
        yield web_url(listening)


def usual(port: int) -> WebSettings:
    """Settings with another default than 8770, since tests run beside each other."""
    return WebSettings(bind=f"127.0.0.1:{port}")


def chosen(bind: str) -> WebSettings:
    return WebSettings(bind=bind, chosen=frozenset({"bind"}))


def test_the_server_listens_at_the_address_that_it_shows() -> None:
    with taken(chosen("127.0.0.1:0")) as url:
        port = int(url.removeprefix("http://127.0.0.1:").removesuffix("/"))
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_if_the_port_is_taken_the_next_one_is_used_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with taken(usual(free_port())) as first, taken(usual(int(first.split(":")[2].strip("/")))) as second:
        ports = [int(url.split(":")[2].strip("/")) for url in (first, second)]
        assert 1 <= ports[1] - ports[0] < TRIED_PORTS
    said = f"127.0.0.1:{ports[0]} is taken by another program, perhaps another Seiyuu; the page takes port {ports[1]}"
    assert caplog.messages[-1] == said


def test_a_port_that_was_chosen_is_not_replaced() -> None:
    with (
        taken(chosen("127.0.0.1:0")) as url,
        pytest.raises(WebBindError, match=r"WEB_BIND: can't listen on 127\.0\.0\.1:\d+: another program listens there"),
    ):
        take_port(chosen(url.removeprefix("http://").strip("/")))


def test_if_all_ports_are_taken_the_operator_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.binding.TRIED_PORTS", 1)
    with taken(usual(free_port())) as url, pytest.raises(WebBindError, match=r"WEB_BIND=127\.0\.0\.1:0 for any"):
        take_port(usual(int(url.split(":")[2].strip("/"))))


@pytest.mark.parametrize("bind", ["192.0.2.1:0", "no-such-host.invalid:0"])
def test_an_address_that_this_machine_does_not_have_is_reported(bind: str) -> None:
    with pytest.raises(WebBindError, match=f"WEB_BIND: can't listen on {bind}: "):
        take_port(chosen(bind))


def test_a_host_name_listens_on_all_of_its_addresses_with_one_port() -> None:
    with ExitStack() as stack:
        listening = take_port(chosen("localhost:0"))
        for each in listening:
            stack.enter_context(closing(each))
        assert len({each.getsockname()[1] for each in listening}) == 1
        assert web_url(listening).startswith("http://127.0.0.1:")


def test_if_the_server_listens_on_all_addresses_the_page_has_a_loopback_address() -> None:
    with taken(chosen("0.0.0.0:0")) as url:
        assert url.startswith("http://127.0.0.1:")
