"""The phone transport of a call: one caller on a phone line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import ClassVar, TypeVar

from typing_extensions import override

from bot.llm.prompts import CallRoom, single_call
from bot.llm.spoken_lines import Announcement
from bot.voice.call import Call
from bot.voice.dialogue.left_unanswered import CALL_ENDED
from bot.voice.dialogue.unheard_prompts import NOT_ANSWERED
from bot.voice.events import CallEvent, NoticePosted, PromptTaken, ReplyEnded, WordsSpoken
from bot.voice.phone.audio_input import PhoneAudioInput
from bot.voice.phone.audio_output import PhoneFrames
from bot.voice.phone.line import SILENCE_LIMIT, LineEnd, PhoneLine
from bot.voice.phone.people import PhonePeople, shown_number
from bot.voice.playback.sender import FrameSender
from bot.voice.transport import CallSound, EndCause, PacketCounts
from bot.voice.turn import Outcome, Prompt
from config.sections import Captions
from config.tasks import end_tasks

T = TypeVar("T")

KIND = "phone"
PLACE = "a phone call"
"""Name of the place in which a phone call is held. The last digits of the number follow."""
MEANS = "on the telephone. You hear them, and they hear you; they see nothing"
"""What the model is told of the means by which the person calls."""
_UNSPOKEN = (Outcome.FAILED, Outcome.WRITTEN)
"""The outcomes of replies that callers don't hear to the end: the rest is only written, or there is no answer at
all."""
LastWords = Callable[[PhoneLine, EndCause], Awaitable[None]]
"""Says the last words on a line before it is hung up. The words depend on the cause; saying them takes some seconds.

Nothing else is played on the line by then.
"""


class UnseenPrompts:
    """The :class:`~bot.voice.transport.PromptChannel` of a phone call, in which nobody reads anything."""

    id = 0

    async def acknowledge(self, prompt: Prompt) -> None:
        """Do nothing."""

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        """Do nothing: a caller sees no text. The page and programs get it as an event."""


class UnseenCaptions:
    """The :class:`~bot.voice.transport.CaptionOutlet` of a phone call, in which nobody reads anything."""

    async def write(self, text: str, place: Captions) -> None:
        """Do nothing."""


class PhoneTransport:
    """The :class:`~bot.voice.transport.Transport` of a phone call. Use it on the event loop.

    It is also the :class:`~bot.voice.phone.line.LineListener` of its line. :meth:`listen` begins to listen before the
    call begins, since the caller may have to press a PIN first.

    Args:
        line: the accepted phone call.
        people: the caller.
        clock: returns monotonic seconds.
        sleep: waits for some seconds. Tests pass their own.

    Attributes:
        on_key: gets each key that the caller presses.
        last_words: says goodbye when the bot ends the call, before it hangs up; ``None`` to say nothing.
        end_cause: why the call is ending. The call sets it.
        left_unanswered: whether the call is ending before the caller got the last answer, and without their doing.
        not_answered: called when a reply has ended that could not be spoken, or when there will be none. The caller
            can't read the text that is written instead.
        listening_since: when :meth:`listen` was called, in monotonic seconds.
        last_answer: what the bot has said last, for a caller who wants to hear it again. Recited texts don't count.
    """

    kind = KIND
    encrypted = False

    def __init__(
        self,
        line: PhoneLine,
        people: PhonePeople,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.line = line
        self.people = people
        self.audio = PhoneAudioInput(people.person, line.law, clock=clock)
        self.prompts = UnseenPrompts()
        self.captions = UnseenCaptions()
        self.on_key: Callable[[str], None] = lambda _: None
        self.last_words: LastWords | None = None
        self.not_answered: Callable[[], object] = lambda: None
        self.end_cause = EndCause.FAILURE
        self.left_unanswered = False
        self.last_answer = ""
        self._clock = clock
        self._sleep = sleep
        self._frames: PhoneFrames | None = None
        self._sender: FrameSender | None = None
        self._end: LineEnd | None = None
        self._ended = asyncio.Event()
        self._given_up = asyncio.Event()
        self._packet_at = self.listening_since = clock()
        self._answer: list[str] | None = None

    @property
    def place(self) -> str:
        """The name of the place, with the last digits of the number."""
        return f"{PLACE} ({shown})" if (shown := shown_number(self.line.number)) else PLACE

    @property
    def room(self) -> CallRoom:
        """The caller, for the model."""
        return CallRoom(single_call(MEANS), self.people.names())

    @property
    def packets(self) -> PacketCounts:
        """The number of late frames. There is no end-to-end encryption, so no packet can lack its key."""
        return PacketCounts(late=self._sender.timing.late if self._sender is not None else 0)

    @property
    def end(self) -> LineEnd | None:
        """The reason for which the line is gone; ``None`` if it is not."""
        return self._end

    @property
    def line_cause(self) -> str | None:
        """Why the line is gone, in the words of the log; ``None`` if it is not gone, or if the bot has hung up."""
        return None if self._end is None or self._end is LineEnd.BOT else self._end.value

    # The line.

    def listen(self) -> None:
        """Begin to listen to the line."""
        self._packet_at = self.listening_since = self._clock()
        self.line.start(self)

    def sound(self, data: bytes, at: float) -> None:
        """Take the next sound of the caller."""
        self._packet_at = self._clock()
        self.audio.sound(data, at)

    def gap(self, samples: int, at: float) -> None:
        """Sound was lost on the way."""
        self.audio.gap(samples, at)

    def digit(self, digit: str) -> None:
        """Pass a key on."""
        self._packet_at = self._clock()
        self.on_key(digit)

    def ended(self, cause: LineEnd) -> None:
        """The line is gone."""
        self._end = self._end or cause
        self._ended.set()

    async def wait_ended(self) -> LineEnd:
        """Wait until the line is gone, or no packet has come for :data:`SILENCE_LIMIT`."""
        while self._end is None and (left := self._packet_at + SILENCE_LIMIT - self._clock()) > 0:
            await self._first_of(left)
        if self._end is None:
            self.ended(LineEnd.SILENT)
        return self._end or LineEnd.SILENT

    async def unless_ended(self, waited: Awaitable[T], seconds: float | None = None) -> T | None:
        """Wait for something. If the line is gone first, or these seconds are over, cancels it and returns ``None``."""
        waiting, gone = asyncio.ensure_future(waited), asyncio.ensure_future(self.wait_ended())
        try:
            await asyncio.wait((waiting, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() and self._end is None else None
        finally:
            await end_tasks(waiting, gone)

    async def _first_of(self, seconds: float) -> None:
        """Wait until the line is gone, at most for some seconds."""
        waits = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._ended.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(*waits)

    # The call.

    def check(self) -> None:
        """Do nothing: a line exists only after the phone call was accepted."""

    async def connect(self) -> None:
        """Do nothing: the line is there."""

    def play(self, frames: CallSound, sent: Callable[[bytes, float], None]) -> None:
        """Start the thread that sends frames, until :meth:`close`.

        Args:
            frames: the bot's sound in the call.
            sent: called on the sending thread with each voiced frame and its time (monotonic seconds).
        """
        self._frames = PhoneFrames(frames, self.line)
        frames.heard = self._frames.heard
        self._sender = FrameSender(frames, self._frames, sent=sent, clock=self._clock)
        self._sender.start()

    def watch(self, event: CallEvent) -> None:
        """A :data:`~bot.voice.events.Watcher`: follows the bot's words, and drops the sound of interrupted replies."""
        match event:
            case PromptTaken(recited=recited):
                self._answer = None if recited else []
            case WordsSpoken(_, text) if self._answer is not None:
                self._answer.append(text)
                self.last_answer = " ".join(" ".join(self._answer).split())
            case ReplyEnded(interrupted=True) if self._frames is not None:
                self._frames.clear()
            case ReplyEnded(trace) if trace.outcome in _UNSPOKEN and self._answer is not None:
                # The conversation is still busy with the end of this reply, so the callback has to wait.
                asyncio.get_running_loop().call_soon(self.not_answered)
            case NoticePosted(text) if text == NOT_ANSWERED:
                asyncio.get_running_loop().call_soon(self.not_answered)
            case NoticePosted(text) if text.startswith(CALL_ENDED):
                self.left_unanswered = True
            case _:
                pass

    def give_up(self) -> None:
        """End the call because today's limit is reached: the caller would hear nothing any more, and can't read."""
        self._given_up.set()

    async def wait_lost(self) -> EndCause:
        """Wait until the line is gone, or until :meth:`give_up`."""
        await self.unless_ended(self._given_up.wait())
        match self._end:
            case None:
                return EndCause.LIMIT
            case LineEnd.CALLER:
                return EndCause.HUNG_UP
            case LineEnd.BOT:
                return EndCause.COMMAND
            case LineEnd.SILENT | LineEnd.LOST:
                return EndCause.CONNECTION_LOST

    async def close(self) -> None:
        """Stop sending, say the last words if the line is still there, and hang up."""
        if self._sender is not None:
            await asyncio.to_thread(self._sender.end)
        try:
            if self._end is None and self.last_words is not None:
                await self.last_words(self.line, self.end_cause)
        finally:
            await self.line.hang_up()


class PhoneCall(Call[PhoneTransport]):
    """A :class:`~bot.voice.call.Call` over a phone line."""

    ended_by_people: ClassVar = frozenset({EndCause.VOICE_COMMAND, EndCause.HUNG_UP})

    @override
    async def open(self) -> None:
        self.transport.not_answered = self._say_why
        # A caller can't read, so `_say_why` says in place of each answer that the limit is reached.
        self._parts.when_model_limited = lambda: None
        self._parts.when_voice_limited = self.transport.give_up
        self._parts.when_ears_limited = self._say_that_nothing_is_heard
        self._parts.when_words_lost = self._say_why
        await super().open()

    def _say_why(self) -> None:
        """Say that there is no answer. If the voice has reached its limit and can't say that either, the call ends."""
        limited = self.conversation.model_limited
        self._parts.recite(self._parts.aloud(Announcement.LIMIT if limited else Announcement.NO_ANSWER))

    def _say_that_nothing_is_heard(self) -> None:
        self._parts.recite(self._parts.aloud(Announcement.NOT_HEARD))

    @override
    async def close(self, cause: EndCause) -> None:
        self.transport.end_cause = cause
        await super().close(cause)
