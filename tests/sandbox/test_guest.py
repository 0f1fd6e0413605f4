"""Guests send messages within their permissions and wait for others, and the sandbox starts, stops and cleans up."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time

import discord
import psutil
import pytest
import yarl

from bot.voice.discord.client import SeiyuuVoiceClient
from sandbox.server import Sandbox
from sandbox.world.entities import Draft
from sandbox.world.errors import RestError
from sandbox.world.permissions import Permission
from tests.sandbox.conftest import Bot, logged_in
from tests.timing import LIMIT, wait_until


async def test_a_message_has_the_time_at_which_it_was_sent_to_the_bot(sandbox: Sandbox, bot: Bot) -> None:
    arrivals: asyncio.Queue[float] = asyncio.Queue()

    @bot.listen("on_message")
    async def note(_message: discord.Message) -> None:
        arrivals.put_nowait(time.monotonic())

    ada = await sandbox.add_guest("Ada")
    began = time.monotonic()
    said = await ada.say(sandbox.text_channel, "now")
    arrived = await arrivals.get()
    assert began <= said.sent_at <= arrived


async def test_saying_something_to_nobody_does_not_wait(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    async with asyncio.timeout(LIMIT):
        said = await ada.say(sandbox.text_channel, "hello?")
    assert said.sent_at > 0


async def test_an_answer_that_came_before_the_wait_is_found_but_an_older_one_is_not(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    post = sandbox.world.messages.post
    post(sandbox.text_channel, sandbox.bot, Draft("old"))
    await ada.say(sandbox.text_channel, "question")
    first = post(sandbox.text_channel, sandbox.bot, Draft("new"))
    assert await ada.wait_for_message(sandbox.text_channel) is first
    second = post(sandbox.text_channel, sandbox.bot, Draft("newer"))
    assert await ada.wait_for_message(sandbox.text_channel, after=first) is second
    assert await ada.next_message(sandbox.text_channel) is first
    assert await ada.next_message(sandbox.text_channel) is second
    assert await ada.next_message(sandbox.text_channel, timeout=0.01) is None


async def test_a_message_is_found_once_an_edit_makes_it_match(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    message = sandbox.world.messages.post(sandbox.text_channel, sandbox.bot, Draft("draft"))
    waiting = asyncio.create_task(ada.wait_for_message(sandbox.text_channel, lambda found: found.content == "final"))
    await asyncio.sleep(0)
    sandbox.world.messages.edit(message, Draft("final"))
    assert await waiting is message


async def test_guests_are_bound_by_permissions_too(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    sandbox.faults.deny(ada.user, sandbox.text_channel, Permission.SEND_MESSAGES)
    with pytest.raises(RestError) as error:
        await ada.say(sandbox.text_channel, "let me")
    assert error.value.code == 50013
    sandbox.faults.allow(ada.user, sandbox.text_channel)
    await ada.say(sandbox.text_channel, "thanks")


async def test_a_guest_outside_voice_raises_a_clear_error(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    with pytest.raises(RuntimeError, match="Ada"):
        assert ada.voice


async def test_a_sticker_is_a_message_without_words(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("message")
    await ada.send_sticker(sandbox.text_channel, "wave")
    message = await seen
    assert isinstance(message, discord.Message)
    assert (message.content, [sticker.name for sticker in message.stickers]) == ("", ["wave"])


async def test_the_sandbox_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    process = psutil.Process()

    async def whole_life() -> None:
        async with Sandbox() as sandbox:
            monkeypatch.setattr(discord.http.Route, "BASE", sandbox.api_url)
            monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway_url))
            ada = await sandbox.add_guest("Ada")
            async with logged_in(Bot(sandbox), sandbox) as bot:
                await ada.join_voice(sandbox.voice_channel)
                channel = bot.get_channel(sandbox.voice_channel.id)
                assert isinstance(channel, discord.VoiceChannel)
                # discord.py's own voice client would leave a task and a thread behind.
                await channel.connect(cls=SeiyuuVoiceClient, timeout=LIMIT)
                await sandbox.faults.change_voice_server()
            ca_file = sandbox.ca_file
            assert ca_file.exists()
        assert not ca_file.exists()

    def running() -> set[threading.Thread | asyncio.Task[object]]:
        # The event loop's own pool of threads stays.
        threads = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}
        return threads | asyncio.all_tasks()

    def open_files() -> int:
        gc.collect()
        return process.num_fds()

    before = running()
    await whole_life()
    # A thread of an earlier test may have ended meanwhile, so there may be fewer threads than before, but no new ones.
    await wait_until(lambda: running() <= before)
    kept = open_files()  # Includes the files that a first use opens for good.
    await whole_life()
    await wait_until(lambda: running() <= before and open_files() <= kept)


async def test_a_taken_port_is_an_error_that_leaves_nothing(sandbox: Sandbox) -> None:
    port = yarl.URL(sandbox.api_url).port
    assert port is not None
    taken = Sandbox(port=port)
    with pytest.raises(OSError, match="address already in use"):
        await taken.start()
    assert not taken.ca_file.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
async def test_a_sandbox_started_by_hand_says_how_to_connect_and_ends_with_ctrl_c() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(LIMIT):
        while "Ctrl-C" not in said:
            said += (await process.stdout.readline()).decode()
    assert "http://127.0.0.1:" in said
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(LIMIT):
        _, errors = await process.communicate()
    assert process.returncode == 0
    assert errors == b""
