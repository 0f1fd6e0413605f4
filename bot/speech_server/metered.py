"""A connection to a speech server whose sound is charged, once for each reply."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from bot.metering import Account
from bot.speech_server.charged_sound import Charge, ChargedSound
from bot.speech_server.events import SpeechEvent
from bot.speech_server.plain_stream import PlainSpeechStream
from bot.speech_server.stream import SpeechStream
from wire.messages import ClientMessage


class MeteredStream:
    """A :class:`~bot.speech_server.stream.SpeechStream`, or a plain one, whose sound is charged.

    Args:
        charge: called once for the sound of each reply: with the server that has spoken it, the account, and the
            seconds. The sound of discarded replies is charged too.
        charge_paid: the same for segments of which the server says that they cost money.
        whose: returns the account to which the sound of the current reply is charged.
    """

    def __init__(
        self,
        stream: SpeechStream | PlainSpeechStream,
        charge: Charge,
        charge_paid: Charge,
        whose: Callable[[], Account],
    ) -> None:
        self._stream = stream
        self._sound = ChargedSound(charge, charge_paid, whose)

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._stream.connected

    async def open(self) -> None:
        """Connect; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        await self._stream.open()

    async def loaded(self, report: Callable[[float], None]) -> None:
        """Wait until the server's engine is loaded."""
        await self._stream.loaded(report)

    async def send(self, message: ClientMessage) -> None:
        """Send a message; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        await self._stream.send(message)

    async def events(self) -> AsyncGenerator[SpeechEvent, None]:
        """All events of the server, until :meth:`close`."""
        async for event in self._stream.events():
            self._sound.came(event, self._stream.address)
            yield event

    async def close(self) -> None:
        """Disconnect."""
        self._sound.end()
        await self._stream.close()
