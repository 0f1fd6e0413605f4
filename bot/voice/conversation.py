"""Prompts to replies: carries out what the dialogue decides, over the model's stream, the voice's socket and playback.

Knows nothing of Discord: the channel, the voice and the playback are handed in, so that another transport can carry the
same conversation.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Protocol

from bot.llm.errors import ModelError, ModelErrorKind
from bot.voice import dialogue_messages as m
from bot.voice.dialogue import Dialogue
from bot.voice.events import PromptTaken, Told, TurnEnded, Watcher, WordsSpoken
from bot.voice.metrics import TurnClock, TurnMetrics
from bot.voice.reply import Prompt, PromptKind
from bot.voice.tts_client import Connected, Disconnected, SegmentAudio, SpeechEvent, SpeechUnavailable
from tts_server import wire

_log = logging.getLogger(__name__)

BUFFERED_SECONDS = 10.0
"""How much sound may wait to be played before the voice is made to wait."""
SAMPLES_PER_MS = wire.SAMPLE_RATE / 1000


class Companion(Protocol):
    """The mind behind the voice."""

    async def warm_up(self) -> None:
        """Get ready to answer at once; never raises."""
        ...

    def answer(self, author: str, text: str) -> AsyncGenerator[str, None]:
        """Stream the answer's text; raises :class:`ModelError`; closing it closes the model's stream."""
        ...

    def remember(self, author: str, text: str, heard: str, *, interrupted: bool) -> None:
        """Add an exchange to the history."""
        ...


class Voice(Protocol):
    """The connection to the speech server."""

    async def send(self, message: wire.ClientMessage) -> None:
        """Send; raises :class:`SpeechUnavailable`."""
        ...

    def events(self) -> AsyncIterator[SpeechEvent]:
        """Everything the server says, and the connection's own ups and downs; ends when it is closed."""
        ...


class Playback(Protocol):
    """Where sound goes: float32 mono at 48,000 Hz in, position in samples out."""

    def begin(self, reply: str) -> None:
        """A reply is being made: get ready."""
        ...

    def write(self, reply: str, samples: m.Samples) -> None:
        """Queue sound."""
        ...

    def mark(self, reply: str, number: int) -> None:
        """Report when the sound queued next begins to be played."""
        ...

    def finish(self, reply: str) -> None:
        """No more sound comes: report when the last sample was sent."""
        ...

    def drop(self, reply: str) -> int:
        """Drop what is not sent; returns the samples that were."""
        ...

    def position(self, reply: str) -> int:
        """The samples of the reply that were sent."""
        ...

    async def wait_for_room(self, seconds: float) -> None:
        """Wait until less than this is queued."""
        ...


class PromptChannel(Protocol):
    """Where prompts come from and where words go that can't be spoken."""

    async def acknowledge(self, prompt: Prompt) -> None:
        """Show the author that the prompt was taken."""
        ...

    async def tell(self, text: str, prompt: Prompt | None) -> None:
        """Write, as an answer to ``prompt`` where there is one; long texts are split."""
        ...


class Conversation:
    """One call's conversation. :meth:`run` lives as long as the call; everything belongs to the event loop."""

    def __init__(
        self,
        dialogue: Dialogue,
        companion: Companion,
        voice: Voice,
        playback: Playback,
        channel: PromptChannel,
        *,
        watch: Watcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = TurnMetrics()
        self._dialogue = dialogue
        self._companion = companion
        self._voice = voice
        self._playback = playback
        self._channel = channel
        self._watch = watch
        self._clock = clock
        self._to_voice: asyncio.Queue[wire.ClientMessage] = asyncio.Queue()
        self._notices: asyncio.Queue[Awaitable[None]] = asyncio.Queue()
        self._tasks: asyncio.TaskGroup | None = None
        self._model: asyncio.Task[None] | None = None
        self._turn: TurnClock | None = None
        self._clauses: list[str] = []
        self._played = (0, 0)

    async def run(self) -> None:
        """Converse until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._spawn(self._send_to_voice(), "to voice")
                self._spawn(self._hear_voice(), "from voice")
                self._spawn(self._write_notices(), "notices")
                self._spawn(self._companion.warm_up(), "warm-up")
        finally:
            self._tasks = None
            while not self._notices.empty():
                self._discard(self._notices.get_nowait())

    @property
    def waiting(self) -> int:
        """Prompts that wait behind the current one."""
        return self._dialogue.waiting

    @property
    def answering(self) -> bool:
        """True while a reply is being made or spoken."""
        return self._dialogue.current is not None

    def prompt(self, prompt: Prompt) -> None:
        """Answer this, after what waits already."""
        self._handle(m.Prompted(prompt))

    def stop(self) -> bool:
        """Fall silent at once and forget what waits; False when there was nothing to stop."""
        reply = self._dialogue.current
        if reply is None:
            return False
        self._handle(m.Stopped(self._playback.position(reply)))
        return True

    def first_frame(self, reply: str, at: float) -> None:
        """Playback: the first voiced frame of a reply was sent."""
        if self._turn and reply == self._dialogue.current:
            self._turn.reached("first_packet", at)

    def marked(self, reply: str, number: int, at: float) -> None:
        """Playback: clause ``number`` of a reply begins to sound."""
        if reply == self._dialogue.current and number < len(self._clauses):
            self._watch(WordsSpoken(reply, self._clauses[number]))

    def drained(self, reply: str, at: float, samples: int, underruns: int) -> None:
        """Playback: the last sample of a reply was sent."""
        if reply != self._dialogue.current:
            return
        if self._turn:
            self._turn.reached("last_packet", at)
        self._played = (samples, underruns)
        if underruns:
            _log.warning("Reply %s: %d ms of silence for want of sound", reply, 20 * underruns)
        self._handle(m.PlaybackDrained(reply))

    def _handle(self, event: m.Event) -> None:
        for effect in self._dialogue.handle(event):
            self._perform(effect)

    def _perform(self, effect: m.Effect) -> None:
        match effect:
            case m.Acknowledge(prompt):
                self._notices.put_nowait(self._channel.acknowledge(prompt))
            case m.Refuse(prompt, text) | m.Tell(text, prompt):
                self._watch(Told(text))
                self._notices.put_nowait(self._channel.tell(text, prompt))
            case m.BeginReply(reply, prompt):
                self._begin(reply, prompt)
            case m.AskModel(reply, prompt):
                self._model = self._spawn(self._ask(reply, prompt), f"model {reply}")
            case m.CloseModel():
                if self._model is not None:
                    self._model.cancel()
            case m.TokenToVoice(reply, text):
                self._to_voice.put_nowait(wire.Speak(text, reply=reply))
            case m.EndOfText(reply):
                self._to_voice.put_nowait(wire.Speak(flush=True, reply=reply))
            case m.CancelSpeech(reply):
                while not self._to_voice.empty():
                    self._to_voice.get_nowait()
                self._to_voice.put_nowait(wire.Cancel(reply))
            case m.Play(reply, samples):
                self._play(reply, samples)
            case m.FinishPlayback(reply):
                self._playback.finish(reply)
            case m.DropPlayback(reply):
                self._played = (self._playback.drop(reply), 0)
            case m.Remember(prompt, heard, interrupted):
                if prompt.kind is PromptKind.ASK:
                    self._companion.remember(prompt.author, prompt.text, heard, interrupted=interrupted)
            case m.EndReply():
                self._end(effect)

    def _begin(self, reply: str, prompt: Prompt) -> None:
        self._turn = TurnClock(reply, prompt.at, self._clock)
        self._clauses.clear()
        self._played = (0, 0)
        self._playback.begin(reply)
        self._watch(PromptTaken(reply, prompt.author, prompt.text))

    def _play(self, reply: str, samples: m.Samples) -> None:
        if self._turn:
            self._turn.reached("first_audio")
        self._playback.write(reply, samples)

    def _end(self, effect: m.EndReply) -> None:
        self._model = None
        turn, self._turn = self._turn, None
        if turn is not None:
            samples, underruns = self._played
            trace = turn.finish(effect.outcome, audio=samples / SAMPLES_PER_MS, underruns=underruns)
            self.metrics.add(trace)
            self._watch(TurnEnded(trace))

    async def _ask(self, reply: str, prompt: Prompt) -> None:
        answer = self._companion.answer(prompt.author, prompt.text)
        try:
            async for text in answer:
                if self._turn:
                    self._turn.reached("first_token")
                self._handle(m.TokenCame(reply, text))
            self._handle(m.ModelDone(reply))
        except ModelError as error:
            _log.warning("Reply %s: %s", reply, error)
            timed_out = error.kind in (ModelErrorKind.FIRST_TOKEN_TIMEOUT, ModelErrorKind.STALLED)
            self._handle(m.ModelFailed(reply, f"❌ {error}", timed_out))
        finally:
            await answer.aclose()

    async def _send_to_voice(self) -> None:
        while True:
            message = await self._to_voice.get()
            try:
                await self._voice.send(message)
            except SpeechUnavailable as error:
                if isinstance(message, wire.Speak) and message.reply == self._dialogue.current:
                    _log.warning("Reply %s: %s", message.reply, error)
                    self._handle(m.SpeechFailed(message.reply))

    async def _hear_voice(self) -> None:
        async for event in self._voice.events():
            match event:
                case SegmentAudio(reply, _, samples) if reply is not None:
                    if reply == self._dialogue.current:
                        await self._playback.wait_for_room(BUFFERED_SECONDS)
                    self._handle(m.AudioCame(reply, samples))
                case wire.SegmentStart(_, text, reply) if reply is not None:
                    self._segment_started(reply, text)
                case wire.SegmentEnd(_, _, reply) if reply is not None:
                    self._handle(m.SegmentEnded(reply))
                case wire.Flushed(_, _, reply) if reply is not None:
                    self._handle(m.SpeechFlushed(reply))
                case wire.Failure(error, code, reply):
                    _log.warning("The voice failed at %s: %s (%s)", reply or "a message", error, code)
                    if reply is not None:
                        self._handle(m.SpeechFailed(reply))
                case Disconnected(reason):
                    _log.warning("The voice is gone: %s", reason)
                    self._handle(m.SpeechFailed(None))
                case Connected() | wire.Cancelled() | _:
                    pass

    def _segment_started(self, reply: str, text: str) -> None:
        if reply != self._dialogue.current:
            return
        if self._turn:
            self._turn.reached("first_clause")
        self._playback.mark(reply, len(self._clauses))
        self._clauses.append(text)
        self._handle(m.SegmentStarted(reply, text))

    async def _write_notices(self) -> None:
        while True:
            notice = await self._notices.get()
            try:
                await notice
            except Exception:
                _log.exception("Could not write in the prompt channel")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        if self._tasks is None:
            work.close()
            raise RuntimeError("the conversation is not running")
        return self._tasks.create_task(work, name=f"conversation: {name}")

    @staticmethod
    def _discard(notice: Awaitable[None]) -> None:
        if asyncio.iscoroutine(notice):
            notice.close()
