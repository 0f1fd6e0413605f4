"""Failures of a speech server are logged, and a server that fails without end does not flood the log."""

from __future__ import annotations

import pytest

from bot.speech_server.events import ServerMoved
from bot.voice.events import NoticePosted
from bot.voice.turn import Prompt
from tests.timing import wait_until
from tests.voice.dialogue.talk import WordVoice, talking
from wire.messages import ClientMessage, Failure, Speak


class FailingVoice(WordVoice):
    """A speech server that answers each text with many failures of any reply, and then gives way to another server."""

    async def send(self, message: ClientMessage) -> None:
        if isinstance(message, Speak) and message.token:
            for reply in (message.reply, None, "another" * 1_000) * 100:
                self._events.put_nowait(Failure("no room", "engine_failed", reply))
            self._events.put_nowait(ServerMoved("Another server speaks."))


async def test_each_reply_logs_one_failure_and_all_others_together_log_one_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with talking(voice=FailingVoice()) as talk:
        talk.conversation.prompt(Prompt("Ada", "Is it late?", 0.0, person=1))
        await wait_until(lambda: NoticePosted("Another server speaks.") in talk.events)
        await talk.quiet()
    failures = [record.getMessage() for record in caplog.records if "The voice failed" in record.getMessage()]
    assert len(failures) == 2
    assert all(len(failure) < 100 for failure in failures)
