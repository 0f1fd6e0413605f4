"""One tab of the page, or another client: what its messages do to the browser call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.voice.browser.audio_output import SoundForm
from bot.voice.browser.client import ChatClient
from bot.voice.browser.client_messages import (
    Answer,
    AudioChunk,
    ChoosePersona,
    ClientMessage,
    HangUp,
    Hello,
    Interrupt,
    Mute,
    Played,
    Talking,
    TextTyped,
)
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure
from bot.voice.browser.transport import BrowserCall

TOO_FAST = "The sound came more than 2 s ahead of the clock."
NO_CALL = "❌ No call is on. Press talk to begin one."
RETRY_SECONDS = 5.0
"""A client's texts, and its sound if it sent no hello, try to begin a call at most once in this many seconds."""


class TabCalls(Protocol):
    """The service of browser calls, for its tabs; see :class:`~bot.browser_calls.BrowserCalls`."""

    def call_of(self, tab: Tab) -> BrowserCall | None:
        """The call that this tab has; ``None`` if it has none."""
        ...

    def begin(self, tab: Tab, hello: Hello, form: SoundForm) -> None:
        """Begin a call for a client, or hand it another tab's call. If neither is possible, tell the client why."""
        ...

    def resume(self, tab: Tab, hello: Hello) -> bool:
        """Let a client go on with the call of its session. Returns False if there is no such call any more."""
        ...

    async def typed(self, call: BrowserCall, text: TextTyped) -> None:
        """Have a typed text answered, or carry out the command in it."""
        ...

    def answer(self, call: BrowserCall, answer: Answer) -> None:
        """Take the person's answer to a question. If the call has not asked this question, tell the client so."""
        ...

    async def choose_persona(self, call: BrowserCall, persona: str) -> None:
        """Let another persona speak from the next reply on. If that is not possible, tell the client why."""
        ...

    def hang_up(self, call: BrowserCall) -> None:
        """End a call, or cancel its start."""
        ...

    def forget(self, tab: Tab) -> None:
        """Forget a client that is gone."""
        ...


class Tab:
    """One client of the service, from its connection to its end. Use it only on the event loop.

    Args:
        calls: the service.
        client: the client's socket.
        clock: returns monotonic seconds.
    """

    def __init__(self, calls: TabCalls, client: ChatClient, clock: Callable[[], float]) -> None:
        self.client = client
        self._calls = calls
        self._clock = clock
        self._hello: Hello | None = None
        self._retry_at: float | None = None

    async def receive(self, message: ClientMessage) -> None:
        """Act on a message."""
        match message:
            case Hello():
                self._greet(message)
                return
            case AudioChunk(sound):
                self.hear(sound, SoundForm.BASE64)
                return
            case TextTyped():
                # Without a hello, the client may not know binary messages, so it gets the sound in text messages.
                self._need_call(SoundForm.BASE64 if self._hello is None else form_for(self._hello))
            case _:
                pass
        call = self._calls.call_of(self)
        if call is not None:
            self._retry_at = None
            await self._steer(call, message)
        elif isinstance(message, TextTyped | Interrupt | HangUp | ChoosePersona | Answer):
            self.client.send(Failure(ErrorCode.NO_CALL, NO_CALL))

    def hear(self, sound: bytes, form: SoundForm = SoundForm.BINARY) -> None:
        """Take sound of the person: 16-bit mono, 16,000 Hz. The first sound of a client without a hello begins a call.

        Other clients begin a call by a hello or a text. Their sound begins none, because some may arrive after they
        have hung up.
        """
        if self._hello is None:
            self._need_call(form)
        call = self._calls.call_of(self)
        if call is not None and not call.transport.hear(sound, form):
            self.client.close(CloseCode.TOO_FAST, TOO_FAST)

    def gone(self) -> None:
        """Note that the client's socket is closed."""
        self._calls.forget(self)

    def _greet(self, hello: Hello) -> None:
        self._hello = hello
        if hello.session is not None and self._calls.resume(self, hello):
            return
        if hello.audio:
            self._calls.begin(self, hello, SoundForm.BINARY)
        elif hello.session is not None:
            self.client.send(Failure(ErrorCode.NO_CALL, NO_CALL))

    async def _steer(self, call: BrowserCall, message: ClientMessage) -> None:
        """Act on a message of the tab that has the call."""
        match message:
            case TextTyped():
                await self._calls.typed(call, message)
            case ChoosePersona(persona):
                await self._calls.choose_persona(call, persona)
            case Answer():
                self._calls.answer(call, message)
            case Interrupt():
                call.conversation.stop()
            case Mute(on):
                call.transport.mute(on)
            case Talking(on):
                call.transport.talk(on)
            case Played(reply, ms):
                call.transport.played(reply, ms)
            case HangUp():
                self._calls.hang_up(call)
            case _:
                pass

    def _need_call(self, form: SoundForm) -> None:
        """Begin a call for this client, unless it has one or has tried just now."""
        now = self._clock()
        if self._calls.call_of(self) is not None or (self._retry_at is not None and now < self._retry_at):
            return
        self._retry_at = now + RETRY_SECONDS
        self._calls.begin(self, self._hello or Hello(), form)


def form_for(hello: Hello) -> SoundForm:
    """The form in which a client with this hello gets sound."""
    return SoundForm.BINARY if hello.audio else SoundForm.NONE
