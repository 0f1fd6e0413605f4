"""The service of phone calls: lets callers in, asks for the PIN, and lets the bot talk with them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Any

from bot.consent import ListeningConsent
from bot.controls.volumes import Volumes
from bot.line_budget import LineBudget
from bot.llm.spoken_lines import PhoneSentence
from bot.speech_server.errors import SpeechLimitError
from bot.store import Store
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.manager import CallManager
from bot.voice.phone.answering import Admission, PhoneWay, RefusalCause
from bot.voice.phone.calls_log import CallsLog, LoggedCall
from bot.voice.phone.keys import INTERRUPT, PressedKeys, keys_prompt
from bot.voice.phone.line import KIND_NAMES, PhoneLine
from bot.voice.phone.people import (
    CALLER,
    PHONE_PLACE,
    number_id,
    of_caller,
    phone_person,
    refused_number,
    shown_number,
)
from bot.voice.phone.pin_entry import PinEntry
from bot.voice.phone.sentences import LEAD_IN, Sentences
from bot.voice.phone.transport import PhoneCall, PhoneTransport
from bot.voice.prompt_handles import PromptHandle
from bot.voice.transport import EndCause
from bot.voice.turn import Prompt, PromptKind
from config.phone_sections import PhoneSettings
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

KEY_SETTING = "phone_key"
"""Name of the stored key with which callers' numbers are hashed."""
KEY_BYTES = 32
AFTER_PIN = 3.0
"""Seconds after the PIN in which ``#`` does not interrupt the greeting, since callers may end the PIN with it."""
FINISH_SECONDS = 0.5
"""Seconds that a call which is ending has before :meth:`PhoneCalls.finish` ends it."""
REDIAL_SECONDS = 2.0
"""Seconds for which a caller waits for the end of a call that is ending. So people who redial at once are not refused
because of their own last call."""

MakePhoneCall = Callable[[PhoneTransport], PhoneCall]
"""Builds a call without starting it."""
MakePhoneTransport = Callable[[PhoneLine, int], PhoneTransport]
"""Builds the transport of a call from the line and the caller's id."""


async def stored_key(store: Store) -> bytes:
    """The key with which callers' numbers are hashed. It is made at the first start; raises :class:`aiosqlite.Error`.

    Without the key, nobody can find the number behind a hash by hashing all possible numbers.
    """
    found = await store.setting(KEY_SETTING)
    if found is not None:
        return bytes.fromhex(found)
    key = token_bytes(KEY_BYTES)
    await store.set_setting(KEY_SETTING, key.hex())
    return key


class PhoneCalls:
    """Answers phone calls (:class:`~bot.voice.phone.answering.PhoneAnswering`). There is one per process.

    Use it only on the event loop.

    Args:
        manager: starts and ends all calls.
        make_call: builds a call.
        make_transport: builds the transport of a call.
        consent: everybody's consent to being listened to.
        volumes: how loud the bot speaks in each place.
        settings: who may call, and the PIN.
        sentences: speaks outside of calls.
        greeting: makes the first words of a call.
        log: gets a line for each phone call.
        key: the key with which callers' numbers are hashed.
        enabled: whether calls are possible.
        clock: returns monotonic seconds.

    Attributes:
        ready: whether the engines are loaded. Until then, callers are refused.
        ways: the sources of phone calls that can describe their state.
    """

    def __init__(
        self,
        manager: CallManager[Call[Any]],
        make_call: MakePhoneCall,
        make_transport: MakePhoneTransport,
        consent: ListeningConsent,
        volumes: Volumes,
        settings: PhoneSettings,
        sentences: Sentences,
        greeting: Callable[[], str],
        log: CallsLog,
        key: bytes,
        *,
        enabled: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ready = False
        self.ways: list[PhoneWay] = []
        self._manager = manager
        self._make_call = make_call
        self._make_transport = make_transport
        self._consent = consent
        self._volumes = volumes
        self._settings = settings
        self._sentences = sentences
        self._greeting = greeting
        self._calls_log = log
        self._key = key
        self._enabled = enabled
        self._clock = clock
        self._lines = LineBudget(_log, "phone calls", clock)
        pin = settings.pin
        self._pin_entry = (
            PinEntry(pin.get_secret_value(), sentences, self._number_id, clock) if pin is not None else None
        )
        self._answering: set[asyncio.Task[Any]] = set()
        self._talking: dict[PhoneCall, tuple[asyncio.Task[Any], asyncio.Future[EndCause]]] = {}
        self._preparing: asyncio.Task[None] | None = None
        self._preparations: set[asyncio.Task[None]] = set()
        self._closing = False

    def describe(self) -> str:
        """The state of the telephone, in words for the operator."""
        return "; ".join(way.describe() for way in self.ways) or "on"

    def prepare(self) -> None:
        """Make the sentences for callers in the background, unless a call is on, which needs the voice itself."""
        free = self._preparing is None or self._preparing.done()
        if free and not self._closing and not self._talking and not self._manager.occupants:
            preparing = asyncio.create_task(self._sentences.prepare(), name="sentences of the telephone")
            self._preparing = preparing
            self._preparations.add(preparing)
            preparing.add_done_callback(self._preparations.discard)

    def _end_preparing(self) -> None:
        preparing, self._preparing = self._preparing, None
        if preparing is not None:
            preparing.cancel()

    def decide(self, number: str, source: str | None = None) -> Admission:
        """Decide about a phone call before it is answered."""
        if self._closing or not self.ready or not self._enabled:
            return Admission.NOT_READY
        if not self._settings.allows(number):
            return Admission.NOT_ALLOWED
        if self._pin_entry is not None and self._pin_entry.refuses(number, number if source is None else source):
            return Admission.NOT_ALLOWED
        if self._manager.full and not self._call_is_ending:
            return Admission.BUSY
        return Admission.ALLOWED

    def note_refusal(self, kind: str, number: str, cause: RefusalCause, detail: str = "") -> None:
        """Log a phone call that was refused without :meth:`answer`."""
        now = datetime.now(UTC)
        self._calls_log.note_refusal(LoggedCall.of(kind, number, cause.value, now, now))
        if self._lines.admit():
            why = f"{cause.value} ({detail})" if detail else cause.value
            caller = of_caller(refused_number(number))
            _log.info("A phone call%s over %s was refused: %s", caller, KIND_NAMES[kind], why)

    async def answer(self, line: PhoneLine, *, busy: bool = False) -> None:
        """Talk with the caller. Returns when the phone call is over and its line has ended or was hung up."""
        started, cause = datetime.now(UTC), EndCause.FAILURE.value
        # Until the caller is let in, the call is logged like a refusal. Only some refusals a day are logged, because
        # anybody can call and hang up as often as they like.
        note = self._calls_log.note_refusal
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("answer() needs a task")
        self._answering.add(task)
        caller, told = of_caller(shown_number(line.number)), self._lines.admit()
        if told:
            _log.info("A phone call%s over %s comes in", caller, KIND_NAMES[line.kind])
        try:
            transport = self._make_transport(line, phone_person(line.number, self._key))
            transport.listen()
            refused = await self._refuse(transport, busy=busy)
            if refused is None:
                note = self._calls_log.note
                cause = await self._talk(transport, told=told)
            else:
                cause = refused
        except asyncio.CancelledError:
            cause = EndCause.SHUTDOWN.value
            raise
        except Exception:
            _log.exception("A phone call could not be served")
        finally:
            self._answering.discard(task)
            if told:
                _log.info("A phone call%s over %s has ended: %s", caller, KIND_NAMES[line.kind], cause)
            note(LoggedCall.of(line.kind, line.number, cause, started, datetime.now(UTC)))
            try:
                await line.hang_up()
            except Exception:
                _log.exception("A phone line could not be hung up")

    async def close(self) -> None:
        """Take no further phone calls, and hang up on callers who are not talking with the bot yet.

        The call that is on is ended by the manager of calls.
        """
        self._closing = True
        self._end_preparing()
        talking = {task for task, _ in self._talking.values()}
        for task in (ending := self._answering - talking):
            task.cancel()
        await asyncio.gather(*ending, *self._preparations, return_exceptions=True)

    async def finish(self) -> None:
        """Take no further phone calls, and end those that are still on. Returns when all are over."""
        await self.close()
        self._lines.tell_count()
        if not self._answering:
            return
        # A call that the manager has ended needs a moment more, to be logged.
        _, still_on = await asyncio.wait(self._answering, timeout=FINISH_SECONDS)
        await end_tasks(*still_on)

    async def ended(self, call: Call[Any], cause: EndCause) -> None:
        """Note the end of a call of any kind. :class:`~bot.call_ends.CallEnds` calls this."""
        if isinstance(call, PhoneCall) and call in self._talking:
            _, over = self._talking[call]
            if not over.done():
                over.set_result(cause)
        self.prepare()

    def _number_id(self, number: str) -> int:
        return number_id(number, self._key)

    @property
    def _call_is_ending(self) -> bool:
        """Whether there will be room for another call in a moment."""
        # The event loop has to run some times more before the manager learns that a caller has hung up.
        hung_up = any(isinstance(call, PhoneCall) and call.transport.end for call in self._manager.occupants)
        return hung_up or self._manager.ending

    async def _refuse(self, transport: PhoneTransport, *, busy: bool) -> str | None:
        """Ask for the PIN. If the bot is busy, say so.

        Returns:
            The cause of the phone call's end; ``None`` if the caller is let in.
        """
        number, source = transport.line.number, transport.line.source
        admission = Admission.BUSY if busy else self.decide(number, source)
        if admission is Admission.ALLOWED and self._pin_entry is not None:
            if (refused := await self._pin_entry.ask(transport)) is not None:
                return refused
            admission = self.decide(number, source)
        if admission is Admission.ALLOWED and not await self._has_room(transport):
            admission = Admission.BUSY
        if admission is Admission.ALLOWED:
            return transport.line_cause
        if admission is Admission.BUSY:
            await self._sentences.tell(transport, PhoneSentence.BUSY)
        return transport.line_cause or admission.value

    async def _has_room(self, transport: PhoneTransport) -> bool:
        """Whether the call can begin. If another call is just ending, wait for its end."""
        if self._manager.full:
            await transport.unless_ended(self._manager.wait_for_room(), REDIAL_SECONDS)
        return not self._manager.full

    # The call.

    async def _talk(self, transport: PhoneTransport, *, told: bool) -> str:
        """Let the bot talk with the caller. Returns the cause of the call's end.

        Args:
            told: whether the call may have lines in the log.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call needs a task")
        call, over = self._make_call(transport), asyncio.get_running_loop().create_future()
        keys = PressedKeys(
            call.conversation.stop, lambda: self._repeat(call), lambda pressed: self._tell_keys(call, pressed)
        )
        transport.last_words = lambda _, cause: self._say_goodbye(transport, cause)
        call.watch(transport.watch)
        self._talking[call] = task, over
        self._end_preparing()
        later: asyncio.Task[None] | None = None
        try:
            if not await self._start(call, transport, told=told):
                return transport.line_cause or EndCause.FAILURE.value
            after_pin = self._clock() + AFTER_PIN if self._settings.pin is not None else 0.0
            transport.on_key = lambda key: None if key == INTERRUPT and self._clock() < after_pin else keys.press(key)
            await transport.unless_ended(asyncio.sleep(transport.listening_since + LEAD_IN - self._clock()))
            if over.done():
                return transport.line_cause or over.result().value
            greeting = call.say(Prompt("", self._greeting(), self._clock(), kind=PromptKind.RECITE))
            later = asyncio.create_task(self._prepare_after(greeting), name="sentences of the telephone")
            cause = await asyncio.shield(over)
            return transport.line_cause or cause.value
        except asyncio.CancelledError:
            await self._manager.end(EndCause.SHUTDOWN, call=call)
            raise
        finally:
            keys.close()
            transport.on_key = lambda _: None
            self._talking.pop(call, None)
            if later is not None:
                await end_tasks(later)

    async def _prepare_after(self, greeting: PromptHandle) -> None:
        """Make sentences that are still missing, or whose voice has changed, once the greeting is spoken."""
        await greeting.played
        await self._sentences.prepare()

    async def _start(self, call: PhoneCall, transport: PhoneTransport, *, told: bool) -> bool:
        """Start the call, unless the caller hangs up meanwhile. Returns whether it is on."""
        person = transport.people.person
        starting = asyncio.ensure_future(self._open(call, person))
        gone = asyncio.ensure_future(transport.wait_ended())
        try:
            await asyncio.wait((starting, gone), return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                await self._manager.end(EndCause.HUNG_UP, call=call)
            await starting
            return True
        except UserError as error:
            if told:
                _log.warning("A phone call could not begin: %s", error)
            limited = isinstance(error.__cause__, SpeechLimitError)
            why = PhoneSentence.LIMIT if limited else PhoneSentence.NOT_NOW
            await self._sentences.tell(transport, PhoneSentence.BUSY if self._manager.full else why)
            return False
        finally:
            await end_tasks(starting, gone)

    async def _open(self, call: PhoneCall, person: int) -> None:
        # A caller wants to be listened to, unless they have chosen otherwise before.
        if self._consent.choice(person) is None and not self._consent.admits(person):
            await self._consent.opt_in(person)
        call.volume = await self._volumes.at(PHONE_PLACE)
        await self._manager.start(call, reason="a phone call")

    def _repeat(self, call: PhoneCall) -> None:
        """Say the last answer once more."""
        answer = call.transport.last_answer
        call.conversation.stop()
        if answer:
            call.say(Prompt("", answer, self._clock(), kind=PromptKind.RECITE))

    def _tell_keys(self, call: PhoneCall, keys: str) -> None:
        """Tell the model which keys were pressed."""
        person = call.transport.people.person
        if call.may_talk(person):
            call.say(Prompt(CALLER, keys_prompt(keys), self._clock(), person=person))

    async def _say_goodbye(self, transport: PhoneTransport, cause: EndCause) -> None:
        line = transport.line
        if cause is EndCause.LIMIT:
            # The voice makes no new sound any more. If the sentence was not made before, the caller hears a tone.
            await self._sentences.say(line, PhoneSentence.LIMIT)
            return
        unanswered = (PhoneSentence.UNANSWERED,) if transport.left_unanswered else ()
        reason = (PhoneSentence.SWITCHED_OFF,) if cause is EndCause.SHUTDOWN else unanswered
        await self._sentences.say_last(line, *reason, PhoneSentence.GOODBYE)
