"""The PIN entry: asks callers for the PIN, several at a time, before the bot pauses its other features for a call."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from bot.llm.spoken_lines import PhoneSentence
from bot.voice.phone.people import of_caller, shown_number
from bot.voice.phone.pin import ATTEMPTS, PinKeys, WrongPins
from bot.voice.phone.sentences import Sentences
from bot.voice.phone.transport import PhoneTransport
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

PIN_SECONDS = 20.0
"""Seconds in which a PIN must be pressed."""
MAX_ENTERING = 3
"""Largest number of callers who press a PIN at the same time."""
NO_PIN, WRONG_PIN, GAVE_WAY = "no PIN", "wrong PIN", "gave way to another caller"
"""Why a phone call has ended, for the log of calls."""


class PinEntry:
    """Asks callers for the PIN. Use it only on the event loop.

    Every caller is asked. If too many callers are asked at once, one gives way: among those of the source that has the
    most callers, the one who has pressed no key for longest. So whoever calls again and again takes only their own
    places, and nobody keeps others out by pressing nothing. A caller who has given the right PIN since the bot
    started does not give way to strangers, however many call.

    Args:
        pin: the right PIN.
        sentences: says the sentences that ask for the PIN.
        number_id: returns an id of a telephone number, or of another text that tells callers apart.
        clock: returns monotonic seconds.
    """

    def __init__(
        self, pin: str, sentences: Sentences, number_id: Callable[[str], int], clock: Callable[[], float]
    ) -> None:
        self._pin = pin
        self._sentences = sentences
        self._number_id = number_id
        self._clock = clock
        self._wrong_pins = WrongPins(clock)
        self._entering: list[_Entering] = []

    def refuses(self, number: str, source: str) -> bool:
        """Whether a caller with this number and source (of a phone line) has given too many wrong PINs."""
        return self._wrong_pins.too_many(self._id(number, source))

    def _id(self, number: str, source: str) -> int:
        """The id by which wrong PINs are counted. All callers of one source who withhold their number count together.

        A caller who makes up somebody else's number uses up none of that person's attempts, since the call comes from
        another host.
        """
        return self._number_id(number if source == number else f"{number} {source}")

    async def ask(self, transport: PhoneTransport) -> str | None:
        """Ask a caller for the PIN. Returns ``None`` if it was right, otherwise the cause of the phone call's end."""
        caller = _Entering(transport, self._pin, self._sentences, self._clock)
        self._entering.append(caller)
        if len(self._entering) > MAX_ENTERING:
            self._make_room()
        try:
            return await self._await_pin(caller)
        finally:
            caller.close()
            if caller in self._entering:
                self._entering.remove(caller)

    def _is_known(self, caller: _Entering) -> bool:
        return self._wrong_pins.is_known(self._id(caller.transport.line.number, caller.source))

    def _make_room(self) -> None:
        strangers = [each for each in self._entering if not self._is_known(each)]
        places = Counter(each.source for each in strangers or self._entering)
        most = max(places.values())
        of_most = [each for each in strangers or self._entering if places[each.source] == most]
        leaving = min(of_most, key=lambda each: each.pressed_at)
        self._entering.remove(leaving)
        leaving.give_way(told=most == 1)

    async def _await_pin(self, caller: _Entering) -> str | None:
        number, sentence = caller.transport.line.number, PhoneSentence.PIN
        person = self._id(number, caller.source)
        for attempt in range(1, ATTEMPTS + 1):
            right = await caller.attempt(sentence)
            if right is None:
                return await caller.cause_of_silence()
            if right:
                self._wrong_pins.note_right(person)
                return None
            self._wrong_pins.note(person)
            _log.warning("A wrong PIN was pressed in a phone call%s", of_caller(shown_number(number)))
            sentence = PhoneSentence.WRONG_PIN
            if attempt == ATTEMPTS or self._wrong_pins.too_many(person):
                break
        await self._sentences.tell(caller.transport, PhoneSentence.TOO_MANY_PINS)
        return caller.transport.line_cause or WRONG_PIN


class _Entering:
    """A caller who presses the PIN.

    Attributes:
        source: who is responsible for the phone call; see :attr:`~bot.voice.phone.line.PhoneLine.source`.
        pressed_at: when the caller last pressed a key, or began if no key was pressed; in monotonic seconds.
    """

    def __init__(self, transport: PhoneTransport, pin: str, sentences: Sentences, clock: Callable[[], float]) -> None:
        self.transport = transport
        self.source = transport.line.source
        self.pressed_at = clock()
        self._clock = clock
        self._sentences = sentences
        self._keys = PinKeys(pin)
        # Whether an attempt was right; ``None`` if there will be no further one.
        self._attempts: asyncio.Queue[bool | None] = asyncio.Queue()
        self._gives_way = self._told = False
        self._saying: asyncio.Future[None] | None = None
        transport.on_key = self._press

    async def attempt(self, sentence: PhoneSentence) -> bool | None:
        """Say a sentence and wait for the next attempt. Returns whether it is right; ``None`` if there is none."""
        saying = self._saying = asyncio.ensure_future(self._sentences.tell(self.transport, sentence))
        try:
            return await self.transport.unless_ended(self._attempts.get(), PIN_SECONDS)
        finally:
            await end_tasks(saying)

    def give_way(self, *, told: bool) -> None:
        """End the entry in favour of another caller. ``told``: whether this caller is told so in a sentence."""
        self._gives_way, self._told = True, told
        self._attempts.put_nowait(None)

    async def cause_of_silence(self) -> str:
        """Why there was no attempt."""
        if self._told:
            await self._sentences.tell(self.transport, PhoneSentence.NOT_NOW)
        return self.transport.line_cause or (GAVE_WAY if self._gives_way else NO_PIN)

    def close(self) -> None:
        """Take no further keys."""
        self.transport.on_key = lambda _: None

    def _press(self, key: str) -> None:
        self.pressed_at = self._clock()
        # A caller who knows the sentence need not wait for its end.
        if self._saying is not None and self._saying.cancel():
            self.transport.line.clear()
        if (right := self._keys.press(key)) is not None:
            self._attempts.put_nowait(right)
