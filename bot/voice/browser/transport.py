"""The browser transport of a call: it outlives the client's socket for a while, so that a client may come back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection

from bot.llm.prompts import CallRoom, single_call
from bot.text import unescape_markdown
from bot.voice.browser.audio_input import BrowserAudioInput, SoundClock, seconds_of
from bot.voice.browser.audio_output import BrowserFrames, SoundForm, SoundOutlet
from bot.voice.browser.client import ChatClient
from bot.voice.browser.client_messages import Hello
from bot.voice.browser.people import BrowserPeople
from bot.voice.browser.played import PlayedReports
from bot.voice.browser.reporter import EventReporter
from bot.voice.browser.server_messages import Notice, ServerMessage, State
from bot.voice.browser.waiting_texts import WaitingTexts
from bot.voice.call import Call
from bot.voice.playback.sender import FrameSender
from bot.voice.transport import CallSound, EndCause, PacketCounts
from bot.voice.turn import Microphone, Prompt
from bot.voice.wishes import NO_WISHES
from config.sections import Captions
from config.tasks import end_tasks

PLACE = "your browser"
"""Name of the place in which a browser call is held."""
MEANS = "in a web browser"
"""What the model is told of the means by which the person calls."""
RESUME_SECONDS = 30.0
"""A client that is gone may come back within this many seconds. After that, the call ends."""
MAX_MISSED = 100
"""Largest number of messages that are kept for a client that is gone. The oldest ones are dropped."""


class BrowserPromptChannel:
    """The :class:`~bot.voice.transport.PromptChannel` of a browser call: notices on the page.

    Args:
        send: sends a message to the client.
    """

    id = 0

    def __init__(self, send: Callable[[ServerMessage], None]) -> None:
        self._send = send

    async def acknowledge(self, prompt: Prompt) -> None:
        """Do nothing: the client learns from the state that its text was taken."""

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        """Send a notice, without the marks that escape Markdown: the page shows the text as it is."""
        self._send(Notice(unescape_markdown(text)))


class BrowserCaptionOutlet:
    """The :class:`~bot.voice.transport.CaptionOutlet` of a browser call.

    It writes nothing: the client gets the words of everybody as messages, whether captions are on or not.
    """

    async def write(self, text: str, place: Captions) -> None:
        """Do nothing."""


class BrowserTransport:
    """The :class:`~bot.voice.transport.Transport` of a browser call. Use it on the event loop.

    A client is attached and detached, and another one may take its place. While there is none, nothing is played: the
    sound of a reply waits. Messages are kept within :data:`MAX_MISSED`.

    Args:
        people: the person in the call.
        hello: what the client has asked for.
        clock: returns monotonic seconds.
        sleep: waits for some seconds. Tests pass their own.

    Attributes:
        report: shows the events of the call to the client. Whoever builds the call subscribes it.
        shows_questions: whether the client shows questions that can be answered with buttons.
        waiting: shows the client which typed texts wait for their answers.
        wishes: what the client asks of the next replies. Another client begins without wishes.
    """

    kind = "browser"
    encrypted = False

    def __init__(
        self,
        people: BrowserPeople,
        hello: Hello,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self.wishes = NO_WISHES
        self.shows_questions = hello.questions
        self._client: ChatClient | None = None
        self._missed: deque[ServerMessage] = deque(maxlen=MAX_MISSED)
        self._outlet = SoundOutlet(hello.down)
        self._played = PlayedReports(clock)
        self._frames: BrowserFrames | None = None
        self._sender: FrameSender | None = None
        self._changed = asyncio.Event()
        self._sound_clock = SoundClock(clock)
        self._muted = False
        self._talking = False
        self.people = people
        self.audio = BrowserAudioInput(lambda: people.person, clock=clock)
        self.audio.microphone = hello.microphone
        self.prompts = BrowserPromptChannel(self.send)
        self.waiting = WaitingTexts(self.send)
        self.captions = BrowserCaptionOutlet()
        self.report = EventReporter(self.send, self._outlet, self._played, lambda: people.id)

    @property
    def place(self) -> str:
        """The name of the place, which is always the same."""
        return PLACE

    @property
    def room(self) -> CallRoom:
        """The person in the call, for the model."""
        return CallRoom(single_call(MEANS, self.people.known_name), self.people.names())

    @property
    def packets(self) -> PacketCounts:
        """The number of late frames. There is no end-to-end encryption, so no packet can lack its key."""
        return PacketCounts(late=self._sender.timing.late if self._sender is not None else 0)

    @property
    def down(self) -> int:
        """Sample rate of the sound to the client, in Hz."""
        return self._outlet.rate

    @property
    def client(self) -> ChatClient | None:
        """The client; ``None`` while it is gone."""
        return self._client

    # The client.

    def attach(
        self, client: ChatClient, hello: Hello, *, form: SoundForm = SoundForm.BINARY, resumes: bool = False
    ) -> None:
        """Talk with this client from now on. The messages that it has missed are sent to it.

        Args:
            client: the client's socket.
            hello: what the client has asked for.
            form: the form in which the client gets sound, until it sends sound: from then on it gets the form that it
                sends.
            resumes: whether the client was here before and goes on. If so, a muted microphone stays muted, and a hello
                without a name keeps the person.
        """
        if client is not self._client:
            self.wishes = NO_WISHES
        self._client = client
        self.shows_questions = hello.questions
        self._outlet.rate = hello.down
        self._outlet.form = form
        self._played.reset()
        self._sound_clock = SoundClock(self._clock)
        self._muted = self._muted and resumes
        self._talking, self.audio.microphone = False, hello.microphone
        person = self.people.person
        if hello.name or not resumes:
            self.people.become(hello.name)
        if person != self.people.person:
            self.audio.person_changed(person)
        client.send(self.report.state)
        while self._missed:
            client.send(self._missed.popleft())
        self._outlet.attach(client)
        if self._frames is not None:
            self._frames.rate = hello.down
            self._frames.connected = True
        self._changed.set()

    def detach(self, client: ChatClient) -> None:
        """Stop talking with this client, because it is gone. Does nothing if another client has taken its place."""
        if client is not self._client:
            return
        self._client = None
        self._outlet.attach(None)
        if self._frames is not None:
            self._frames.connected = False
        self._changed.set()

    def send(self, message: ServerMessage) -> None:
        """Send a message to the client. It is kept for a client that is gone."""
        if self._client is not None:
            self._client.send(message)
        elif not isinstance(message, State):
            # Old states are not kept: when a client comes back, it gets the state of that moment.
            self._missed.append(message)

    def take_missed(self) -> list[Notice]:
        """The notices that no client has got, such as answers that could not be spoken. Drops all kept messages."""
        missed = [each for each in self._missed if isinstance(each, Notice)]
        self._missed.clear()
        return missed

    def hear(self, pcm: bytes, form: SoundForm) -> bool:
        """Take 16-bit mono sound of the person, at 16,000 Hz. Returns False if it comes too far ahead of the clock."""
        self._outlet.form = form
        if not self._sound_clock.take(seconds_of(pcm)):
            return False
        if not self._muted and (self._talking or self.audio.microphone is not Microphone.PUSH_TO_TALK):
            self.audio.feed(pcm)
        return True

    def mute(self, on: bool) -> None:
        """Drop the sound of the person from now on, or take it again."""
        self._muted = on
        if on:
            self.audio.end_transmission()

    def talk(self, on: bool) -> None:
        """Record that the person has pressed the key of push-to-talk, or released it."""
        self._talking = on
        if not on:
            self.audio.end_transmission()

    def played(self, reply: str, ms: float) -> None:
        """Record that the client has played ``ms`` milliseconds of a reply."""
        self._played.report(reply, ms)

    # The call.

    def check(self) -> None:
        """Do nothing: a browser call is always possible."""

    async def connect(self) -> None:
        """Do nothing: the client is connected already, or may come back."""

    def play(self, frames: CallSound, sent: Callable[[bytes, float], None]) -> None:
        """Start the thread that sends frames, until :meth:`close`.

        Args:
            frames: the bot's sound in the call.
            sent: called on the sending thread with each voiced frame and its time (monotonic seconds).
        """
        frames.heard = self._played.heard
        self._frames = BrowserFrames(frames, self._outlet, asyncio.get_running_loop(), self.down)
        self._frames.connected = self._client is not None
        self._sender = FrameSender(self._frames, self._frames, sent=sent, clock=self._clock)
        self._sender.start()

    async def wait_lost(self) -> EndCause:
        """Wait until the client has been gone for :data:`RESUME_SECONDS` without a break."""
        while True:
            self._changed.clear()
            if self._client is not None:
                await self._changed.wait()
            elif await self._stays_away():
                return EndCause.CONNECTION_LOST

    async def _stays_away(self) -> bool:
        """Wait until a client has come, or until there was none for too long. Returns False if one has come."""
        slept = asyncio.ensure_future(self._sleep(RESUME_SECONDS))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            done, _ = await asyncio.wait((slept, changed), return_when=asyncio.FIRST_COMPLETED)
            return slept in done and self._client is None
        finally:
            await end_tasks(slept, changed)

    async def close(self) -> None:
        """Stop sending. The client's socket stays open."""
        if self._sender is not None:
            await asyncio.to_thread(self._sender.end)


class BrowserCall(Call[BrowserTransport]):
    """A :class:`~bot.voice.call.Call` in a browser."""
