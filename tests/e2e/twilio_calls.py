"""Helpers for tests in which people call the bot over Twilio: the bot's settings, and callers with natural voices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.voice.events import ReplyEnded
from sandbox.guest_lines import recorded_lines
from sandbox.twilio.account import CALLER, NUMBER, Instruction, TwilioAccount, new_id
from sandbox.twilio.stream import LineQuality, MediaStream, telephone_sound
from tests.bot.http.twilio.stage import AUTH_TOKEN, PUBLIC_URL
from tests.e2e.conftest import Stage
from tests.e2e.scripted_ears import ScriptedEars
from tests.timing import wait_until

GOOD = LineQuality()
ACCOUNT = "AC0123456789abcdef0123456789abcdef"


def phone_settings(port: int, **changes: Any) -> dict[str, Any]:
    """The settings of a bot that takes phone calls over Twilio from everyone."""
    usual = {
        "phone_bind": f"127.0.0.1:{port}",
        "phone_public_url": PUBLIC_URL,
        "phone_allow": "*",
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_phone_number": NUMBER,
    }
    return {**usual, **changes}


@dataclass
class Telephone:
    """Twilio in front of a bot, and what the bot's ears hear."""

    stage: Stage
    account: TwilioAccount
    ears: ScriptedEars
    streams: list[MediaStream] = field(default_factory=list)

    async def ready(self) -> bool:
        """Whether the bot takes phone calls already."""
        return (await self.announce())[1].verb == "Connect"

    async def announce(self, caller: str = CALLER) -> tuple[str, Instruction]:
        """Announce a phone call. Returns its id, and the bot's instruction for it."""
        call = new_id("CA")
        return call, await self.account.announce(call, caller)

    async def call(self, caller: str = CALLER, quality: LineQuality = GOOD, seed: int = 0) -> MediaStream:
        """Call the bot, which must answer."""
        call, instruction = await self.announce(caller)
        assert instruction.verb == "Connect", instruction.text
        stream = await MediaStream.open(self.account, call, instruction, quality=quality, seed=seed)
        self.streams.append(stream)
        stream.run()
        return stream

    async def say(self, stream: MediaStream, line: str) -> str:
        """The caller says one of the recorded lines. Returns its words, which are what the bot's ears hear."""
        recorded = (await asyncio.to_thread(recorded_lines))[line]
        self.ears.hears = recorded.text
        stream.say(await asyncio.to_thread(lambda: telephone_sound(recorded.read())))
        await stream.until_said()
        return recorded.text

    @property
    def replies(self) -> list[ReplyEnded]:
        """The replies that are over."""
        return [event for event in self.stage.events if isinstance(event, ReplyEnded)]

    async def replied(self, count: int) -> ReplyEnded:
        """Wait until so many replies are over. Returns the last one of them."""
        await self.stage.until(lambda: len(self.replies) >= count, f"{count} replies")
        return self.replies[count - 1]


@asynccontextmanager
async def telephone(stage: Stage, port: int, ears: ScriptedEars) -> AsyncIterator[Telephone]:
    """Twilio in front of the bot of a stage, which has :func:`phone_settings` with this port. Hangs up at the end."""
    server = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        phone = Telephone(stage, TwilioAccount(session, server, PUBLIC_URL, ACCOUNT, AUTH_TOKEN), ears)
        try:
            await wait_until(phone.ready)
            yield phone
        finally:
            await asyncio.gather(*(stream.close() for stream in phone.streams))
