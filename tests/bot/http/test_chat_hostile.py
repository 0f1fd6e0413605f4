"""Hostile and broken clients of ``/ws/chat``: each gets an error or is disconnected, and the call of others goes on."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.http.queued_client import HEARTBEAT_SECONDS, MAX_ERRORS, MAX_UNSENT_BYTES
from bot.voice.browser.client_messages import MAX_SOUND
from bot.voice.browser.server_messages import Notice
from tests.bot.http.chat_house import Away, ChatPage, chat_house
from tests.read_sizes import noted_read_sizes
from tests.timing import clock_of_the_loop, let_run, wait_until
from web_access.socket_messages import READ_BYTES

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "x" * 5_000,
    "\ud800",
    "\0\u202e",
    [],
    [[[[]]]],
    {},
    {"up": [], "down": {}},
]
FIELDS = {
    "hello": ("name", "audio", "session", "microphone", "questions"),
    "audio_chunk": ("audio",),
    "text": ("text",),
    "mute": ("on",),
    "talking": ("on",),
    "played": ("reply", "ms"),
    "answer": ("question", "allow"),
}
BROKEN = [
    "",
    "null",
    "[]",
    '"hello"',
    "{",
    "}",
    '{"type"}',
    '{"type": null}',
    '{"type": ["text"]}',
    '{"type": "text"}' * 2,
    "[" * 100_000,
    '{"type": "played", "reply": ' + "[" * 5_000 + "]" * 5_000 + "}",
    "9" * 10_000,
    '{"type": "' + "A" * 60_000 + '"}',
    '{"type": "text", "text": "' + "A" * 100_000 + '"}',
    '{"type": "audio_chunk", "audio": "' + "A" * (MAX_SOUND // 2 + 1) + '"}',
    '{"type": "audio_chunk", "audio": "' + "\\u0041" * 1_000 + '!"}',
]


def hostile() -> list[str]:
    """Messages in which one field has a wrong value, and texts that are no messages."""
    wrong = [
        json.dumps({"type": kind, field: value})
        for kind, fields in FIELDS.items()
        for field in fields
        for value in VALUES
        # These values are valid: they would begin a call, end a transmission, or be answered.
        if not (kind == "text" and isinstance(value, str) and len(value) < 5_000)
        and not (field == "on" and isinstance(value, bool))
    ]
    return BROKEN + wrong


async def test_a_conversation_goes_on_through_200_hostile_messages(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        messages = hostile()
        assert len(messages) > 140
        for number, message in enumerate(messages):
            await page.socket.send_str(message)
            await page.socket.send_bytes(b"\0" * (2 * number + 1))
            if number % 10 == 0:
                # Too many bad messages in a row would disconnect the client, so a good one is sent now and then.
                await page.send(type="mute", on=False)
        await page.send(type="text", text="Are you still there?")
        await page.until("llm_token", token="Ada said: Are you still there?")
        await page.until("audio_end", reason="done")
        told = page.all("error")
        assert len(told) > 200
        codes = {each["code"] for each in told}
        assert codes == {"bad_message", "unknown_type", "bad_parameter", "too_long", "no_call"}
        assert all(0 < len(each["message"]) <= 300 for each in told)
        assert not page.socket.closed


async def test_a_client_that_sends_only_bad_messages_is_disconnected(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        for _ in range(MAX_ERRORS + 1):
            await page.send(type="nonsense")
        assert await page.closed() == 1008


@pytest.mark.parametrize("in_base64", [False, True])
async def test_sound_that_is_ahead_of_the_clock_ends_the_socket_and_the_call_waits(
    tmp_path: Path, in_base64: bool
) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        page = await house.talking()
        second = bytes(16_000 * 2)
        # Far more sound than is allowed: it is ahead of the clock even if a busy machine takes seconds to send it.
        with suppress(ConnectionError):
            for _ in range(30):
                if in_base64:
                    await page.send(type="audio_chunk", audio=base64.b64encode(second).decode())
                else:
                    await page.socket.send_bytes(second)
        assert await page.closed() == 4003
        await wait_until(lambda: away.asked == 1)
        assert house.feature.held
        away.pass_by()
        await house.until_idle()


async def test_a_message_that_is_too_big_closes_the_socket(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        for data in (b"\0" * 2_000_000, "A" * 2_000_000):
            page = await house.open()
            await (page.socket.send_bytes(data) if isinstance(data, bytes) else page.socket.send_str(data))
            assert await page.closed() == 1009


async def test_a_client_that_sends_a_flood_of_messages_is_disconnected_with_an_error(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        # On a machine that is not very busy, the socket is closed long before the last message.
        with suppress(ConnectionError):
            for _ in range(100_000):
                if page.socket.closed:
                    break
                await page.send(type="mute", on=True)
        assert await page.closed() == 1008
        assert page.all("error", code="slow_down")


async def test_pings_are_answered_and_a_flood_of_them_ends_the_socket(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        socket = await house.session.ws_connect(house.url, autoping=False)
        await socket.ping(b"there?")
        while (answer := await socket.receive()).type is not aiohttp.WSMsgType.PONG:
            assert answer.type is aiohttp.WSMsgType.TEXT
        assert answer.data == b"there?"
        page = await house.open()
        with suppress(ConnectionError):
            for _ in range(100_000):
                if page.socket.closed:
                    break
                await page.socket.ping()
                await asyncio.sleep(0)
        assert await page.closed() == 1008


async def test_however_much_comes_at_once_the_rest_of_the_program_goes_on_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        sizes = noted_read_sizes(monkeypatch)
        await page.socket.send_str(400_000 * "x")
        await wait_until(lambda: sum(sizes) >= 400_000)
        assert max(sizes) <= READ_BYTES


async def test_bytes_that_are_no_text_end_the_socket(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        await page.socket._writer.send_frame(b"\xff\xfe", 1)
        assert await page.closed() == 1007


async def test_a_client_that_does_not_read_is_cut_off_and_takes_little_memory(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        page = await house.talking()
        page.pause()
        await asyncio.sleep(0)
        transport, sent = house.call.transport, 0
        messages = 50 * [Notice("x" * 1_000)]
        while transport.client is not None:
            for message in messages:
                transport.send(message)
                sent += len(message.to_json())
            # What waits for the client is part of what was sent, so this bounds the memory too.
            assert sent < 8 * MAX_UNSENT_BYTES
            await asyncio.sleep(0.001)
        await wait_until(lambda: away.asked == 1)
        back = await house.open()
        assert await back.hello(name="Ada")


async def test_a_client_that_answers_no_ping_counts_as_gone(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        socket = await house.session.ws_connect(house.url, autoping=False)
        page = ChatPage(socket)
        house.pages.append(page)
        await page.hello()
        with clock_of_the_loop() as let_pass:
            for _ in ("the time until a ping", "the time for its answer"):
                let_pass(2 * HEARTBEAT_SECONDS)
                await let_run(0.05)
            await wait_until(lambda: away.asked == 1)
            away.pass_by()
            await house.until_idle()


async def test_many_tabs_that_say_hello_at_once_leave_one_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        pages = [await house.open() for _ in range(12)]
        await asyncio.gather(*(page.send(type="hello", audio={}) for page in pages))
        codes = await asyncio.gather(*(page.closed() for page in pages[:-1]))
        assert set(codes) <= {4001, 4002}
        await pages[-1].until("ready")
        assert len(house.histories) == 1
