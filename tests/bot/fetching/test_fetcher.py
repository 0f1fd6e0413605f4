"""The guarded fetcher against hostile servers and names, over real sockets.

Here 127.0.0.1 stands for the public internet, and 127.0.0.2 for the operator's network.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence

import pytest

from bot.fetching.addresses import IPAddress
from bot.fetching.errors import AddressRefusedError, FetchError, TooLargeError
from bot.fetching.fetcher import Fetcher, FetchLimits, FetchRequest
from tests.bot.fetching.conftest import PRIVATE, PUBLIC, Names
from tests.bot.fetching.hostile_server import HostileServer, plain, redirect

LIMITS = FetchLimits(size=100_000)


@pytest.fixture
async def private() -> AsyncIterator[HostileServer]:
    async with HostileServer("127.0.0.2") as server:
        server.answers["/"] = plain(b"secret")
        yield server


async def test_a_public_file_is_fetched(fetcher: Fetcher, public: HostileServer) -> None:
    found = await fetcher.fetch(FetchRequest(public.url(host="public.test"), LIMITS))
    assert (found.body, found.media_type, found.charset) == (b"hello", "text/plain", "utf-8")
    assert found.url == public.url(host="public.test")
    assert f"Host: public.test:{public.port}" in public.asked[0]


@pytest.mark.parametrize("host", ["127.0.0.2", "private.test", "PRIVATE.test", "2130706434", "0x7f.2", "127.2"])
async def test_a_private_address_is_refused_in_every_way_of_writing(
    names: Names, fetcher: Fetcher, private: HostileServer, host: str
) -> None:
    for written in ("2130706434", "0x7f.2", "127.2"):
        names.answers[written] = [[PRIVATE]]
    with pytest.raises(AddressRefusedError):
        await fetcher.fetch(FetchRequest(private.url(host=host), LIMITS))
    assert private.asked == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_fetcher_with_the_usual_rules_does_not_reach_this_machine(public: HostileServer, host: str) -> None:
    with pytest.raises(FetchError):
        await Fetcher().fetch(FetchRequest(public.url(host=host), LIMITS))
    assert public.asked == []


async def test_a_name_with_a_public_and_a_private_address_is_refused(
    names: Names, fetcher: Fetcher, public: HostileServer
) -> None:
    for addresses in ([PUBLIC, PRIVATE], [PRIVATE, PUBLIC]):
        names.answers["both.test"] = [addresses]
        with pytest.raises(AddressRefusedError, match=r"both\.test is not on the public internet"):
            await fetcher.fetch(FetchRequest(public.url(host="both.test"), LIMITS))
    assert public.asked == []


async def test_the_checked_address_of_a_host_is_used_and_a_private_one_that_follows_it_is_refused(
    names: Names, fetcher: Fetcher, public: HostileServer, private: HostileServer
) -> None:
    names.answers["rebinding.test"] = [[PUBLIC], [PRIVATE]]
    found = await fetcher.fetch(FetchRequest(public.url(host="rebinding.test"), LIMITS))
    assert found.body == b"hello"
    assert names.asked == ["rebinding.test"]
    with pytest.raises(AddressRefusedError):
        await fetcher.fetch(FetchRequest(public.url(host="rebinding.test"), LIMITS))
    assert private.asked == []


async def test_after_a_redirect_the_address_of_the_host_is_looked_up_and_checked_again(
    names: Names, fetcher: Fetcher, public: HostileServer
) -> None:
    names.answers["rebinding.test"] = [[PUBLIC], [PRIVATE]]
    public.answers["/first"] = redirect("/")
    with pytest.raises(AddressRefusedError):
        await fetcher.fetch(FetchRequest(public.url("/first", "rebinding.test"), LIMITS))
    assert len(public.asked) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("host", ["127.0.0.2", "private.test"])
async def test_a_redirect_into_the_private_network_is_refused(
    fetcher: Fetcher, public: HostileServer, private: HostileServer, status: str, host: str
) -> None:
    public.answers["/"] = redirect(private.url(host=host), status)
    with pytest.raises(AddressRefusedError, match="not on the public internet"):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))
    assert private.asked == []


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "ftp://public.test/", "gopher://public.test/", "javascript:alert(1)", "data:,hello"),
        *(
            "http://user:secret@public.test/",
            "http://",
            "http://[::1",
            "http://public.test:22/",
            "https://public.test:0/",
        ),
    ],
)
async def test_only_web_addresses_are_fetched(fetcher: Fetcher, public: HostileServer, location: str) -> None:
    with pytest.raises(FetchError):
        await fetcher.fetch(FetchRequest(location, LIMITS))
    public.answers["/"] = redirect(location)
    with pytest.raises(FetchError):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))


async def test_five_redirects_are_followed_and_a_sixth_is_not(fetcher: Fetcher, public: HostileServer) -> None:
    for number in range(1, 7):
        public.answers[f"/{number}"] = redirect(f"/{number - 1}" if number > 1 else "/")
    found = await fetcher.fetch(FetchRequest(public.url("/5"), LIMITS))
    assert (found.body, found.url) == (b"hello", public.url())
    with pytest.raises(FetchError, match="without an end"):
        await fetcher.fetch(FetchRequest(public.url("/6"), LIMITS))


async def test_a_redirect_without_an_address_fails(fetcher: Fetcher, public: HostileServer) -> None:
    public.answers["/"] = plain(b"", status="302 Found")
    with pytest.raises(FetchError, match="leads to no address"):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))


async def test_the_host_in_a_setting_may_be_private_but_not_the_one_to_which_it_redirects(
    fetcher: Fetcher, public: HostileServer, private: HostileServer
) -> None:
    found = await fetcher.fetch(FetchRequest(private.url(), LIMITS, by_operator=True))
    assert found.body == b"secret"
    public.answers["/"] = redirect(private.url())
    with pytest.raises(AddressRefusedError):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS, by_operator=True))
    assert len(private.asked) == 1


async def test_headers_are_not_sent_to_another_host(fetcher: Fetcher, public: HostileServer) -> None:
    public.answers["/first"] = redirect(public.url(host="public.test"))
    await fetcher.fetch(FetchRequest(public.url("/first"), LIMITS, headers={"If-None-Match": "mine"}))
    assert ["If-None-Match: mine" in head for head in public.asked] == [True, False]


async def test_a_password_in_a_setting_is_sent_to_its_own_server_only(
    fetcher: Fetcher, public: HostileServer, private: HostileServer
) -> None:
    private.answers["/first"] = redirect("/second")
    private.answers["/second"] = redirect(public.url())
    address = private.url("/first").replace("//", "//user:secret@")
    assert (await fetcher.fetch(FetchRequest(address, LIMITS, by_operator=True))).url == public.url()
    sent = ["Authorization: Basic dXNlcjpzZWNyZXQ=" in head for head in [*private.asked, *public.asked]]
    assert sent == [True, True, False]
    with pytest.raises(AddressRefusedError):
        await fetcher.fetch(FetchRequest(address, LIMITS))


async def test_no_cookie_is_sent_back(fetcher: Fetcher, public: HostileServer) -> None:
    public.answers["/first"] = plain(b"", "Location: /", "Set-Cookie: id=7", status="302 Found")
    await fetcher.fetch(FetchRequest(public.url("/first", "public.test"), LIMITS))
    assert len(public.asked) == 2
    assert "cookie" not in "".join(public.asked).lower()


async def test_a_file_whose_stated_length_is_above_the_limit_is_refused(
    fetcher: Fetcher, public: HostileServer
) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        await public.until_ended()

    public.answers["/"] = answer
    with pytest.raises(TooLargeError, match=r"more than 0\.0954 MB"):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Connection: close"])
async def test_an_endless_file_is_given_up(fetcher: Fetcher, public: HostileServer, header: str) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode())
        while not public.ended:
            writer.write((b"1000\r\n" if "chunked" in header else b"") + b"x" * 0x1000 + b"\r\n")
            await writer.drain()

    public.answers["/"] = answer
    with pytest.raises(TooLargeError):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))


async def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(fetcher: Fetcher, public: HostileServer) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < LIMITS.size
    public.answers["/"] = plain(bomb, "Content-Encoding: gzip")
    with pytest.raises(TooLargeError):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))


async def test_a_packed_file_is_unpacked(fetcher: Fetcher, public: HostileServer) -> None:
    public.answers["/"] = plain(gzip.compress(b"hello"), "Content-Encoding: gzip")
    assert (await fetcher.fetch(FetchRequest(public.url(), LIMITS))).body == b"hello"


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
async def test_a_server_that_falls_silent_is_given_up(fetcher: Fetcher, public: HostileServer, begin: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await public.until_ended()

    public.answers["/"] = answer
    limits = FetchLimits(1_000, seconds=600, idle_seconds=0.05)
    with pytest.raises(FetchError, match=r"silent for 0\.05 s"):
        await fetcher.fetch(FetchRequest(public.url(), limits))


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
async def test_a_server_that_sends_a_byte_now_and_then_is_given_up(
    fetcher: Fetcher, public: HostileServer, begin: bytes
) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while not public.ended:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    public.answers["/"] = answer
    limits = FetchLimits(1_000_000, seconds=0.3, idle_seconds=600)
    with pytest.raises(FetchError, match=r"did not come within 0\.3 s"):
        await fetcher.fetch(FetchRequest(public.url(), limits))


async def test_a_name_that_never_resolves_is_given_up(public: HostileServer) -> None:
    async def never(host: str) -> Sequence[IPAddress]:
        await asyncio.Event().wait()
        raise AssertionError(host)

    with pytest.raises(FetchError, match="did not come within"):
        await Fetcher(never).fetch(FetchRequest(public.url(host="slow.test"), FetchLimits(1, seconds=0.05)))


@pytest.mark.parametrize(
    ("content_type", "welcome"),
    [("text/html", True), ("Text/HTML; charset=x", True), ("image/png", False), ("", False), ("text/htmlx", False)],
)
async def test_only_wanted_types_are_taken(
    fetcher: Fetcher, public: HostileServer, content_type: str, welcome: bool
) -> None:
    public.answers["/"] = plain(b"hello", f"Content-Type: {content_type}")
    request = FetchRequest(public.url(), LIMITS, types=frozenset({"text/html"}))
    if welcome:
        assert (await fetcher.fetch(request)).media_type == "text/html"
    else:
        with pytest.raises(FetchError, match="which I can't read"):
            await fetcher.fetch(request)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"nonsense\r\n\r\n", "what it answers is not HTTP"),
        (b"ICY", "it hung up"),
        (b"", "it hung up"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "what it answers is not HTTP"),
    ],
)
async def test_nonsense_from_a_server_is_reported_in_plain_words(
    fetcher: Fetcher, public: HostileServer, answer: bytes, said: str
) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    public.answers["/"] = send
    with pytest.raises(FetchError, match=f"its server can't be used: {said}"):
        await fetcher.fetch(FetchRequest(public.url(), LIMITS))


async def test_the_answer_of_a_shoutcast_server_is_understood_however_it_comes(
    fetcher: Fetcher, public: HostileServer
) -> None:
    async def greet(writer: asyncio.StreamWriter) -> None:
        for piece in (b"I", b"C", b"Y 2", b"00 OK\r\ncontent-type:audio/mpeg\r\n\r\nICY ", b"ICY "):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    public.answers["/"] = greet
    found = await fetcher.fetch(FetchRequest(public.url(host="public.test"), LIMITS))
    assert (found.media_type, found.body) == ("audio/mpeg", b"ICY ICY ")


async def test_errors_say_what_is_wrong(fetcher: Fetcher, public: HostileServer) -> None:
    with pytest.raises(FetchError, match="answered with status 404"):
        await fetcher.fetch(FetchRequest(public.url("/gone"), LIMITS))
    with pytest.raises(FetchError, match=r"the name nowhere\.test is not known"):
        await fetcher.fetch(FetchRequest(public.url(host="nowhere.test"), LIMITS))
    with pytest.raises(AddressRefusedError, match="more than 2000 characters"):
        await fetcher.fetch(FetchRequest(public.url("/" + "a" * 2_000), LIMITS))


async def test_a_server_that_sends_only_interim_answers_is_given_up_at_once(
    fetcher: Fetcher, public: HostileServer
) -> None:
    async def go_on(writer: asyncio.StreamWriter) -> None:
        for _ in range(100):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()

    async def go_on_a_little(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
        await plain(b"hello")(writer)

    public.answers |= {"/": go_on, "/little": go_on_a_little}
    with pytest.raises(FetchError, match="sends no final answer"):
        await fetcher.fetch(FetchRequest(public.url(host="public.test"), FetchLimits(1_000)))
    found = await fetcher.fetch(FetchRequest(public.url("/little", "public.test"), FetchLimits(1_000)))
    assert found.body == b"hello"
