"""The sound of a call's replies: what the state machine wants of the playback, and what the playback reports."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.voice.dialogue import effects, events
from bot.voice.dialogue.measured_replies import MeasuredReplies
from bot.voice.events import Watcher, WordsSpoken
from bot.voice.playback.spoken_words import SpokenWords
from bot.voice.ports import Playback
from bot.voice.thinking_sound import ThinkingWatcher

_log = logging.getLogger(__name__)


class ReplySound:
    """The playback of the replies, and its :class:`~bot.voice.playback.playback.PlaybackListener`.

    Use it only on the event loop.

    Args:
        playback: plays the sound of the replies.
        measured: measures the current reply.
        thinking: plays a sound while people wait. It is notified when sound of the reply has come.
        watch: receives the words that are heard.
        current: returns the id of the current reply, if there is one.
        handle: passes an event to the state machine.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        playback: Playback,
        measured: MeasuredReplies,
        thinking: ThinkingWatcher,
        watch: Watcher,
        *,
        current: Callable[[], str | None],
        handle: Callable[[events.Event], None],
        clock: Callable[[], float],
    ) -> None:
        self._playback = playback
        self._measured = measured
        self._thinking = thinking
        self._watch = watch
        self._current = current
        self._handle = handle
        self._words = SpokenWords(clock)

    @property
    def position(self) -> int:
        """Number of samples of the current reply that were heard; 0 if there is no reply."""
        reply = self._current()
        return self._playback.position(reply) if reply is not None else 0

    @property
    def recent_words(self) -> str:
        """Text of the segments that started to play a short while ago."""
        return self._words.recent_text()

    def begin(self, reply: str) -> None:
        """Prepare for the sound of a new reply."""
        self._words.begin()
        self._playback.begin(reply)

    def prime(self) -> None:
        """Have silence sent ahead of the reply's sound."""
        self._playback.prime()

    def perform(self, effect: effects.PlaybackEffect) -> None:
        """Carry out an effect of the state machine."""
        match effect:
            case effects.MarkSegment(reply, text):
                self._playback.mark(reply, self._words.add(text))
            case effects.Play(reply, samples):
                self._thinking.sound_came()
                self._playback.write(reply, samples)
            case effects.PausePlayback(reply):
                self._playback.pause(reply)
            case effects.TrimPlayback(reply, samples):
                self._playback.trim(reply, samples)
            case effects.FinishPlayback(reply):
                self._playback.finish(reply)
            case effects.CutPlayback(reply, samples):
                self._playback.cut(reply, samples)
            case effects.DropPlayback(reply):
                self._measured.note_sound(self._playback.drop(reply))
            case effects.HoldPlayback():
                self._playback.hold()
            case effects.ResumePlayback():
                self._playback.resume()

    # The playback calls the following methods.

    def first_frame(self, reply: str, at: float) -> None:
        """Note that the first voiced frame of a reply was sent."""
        self._measured.note_stage(reply, "first_packet", at)

    def marked(self, reply: str, number: int, at: float) -> None:
        """Note that segment ``number`` of a reply has started to play."""
        segment = self._words.started_playing(number, at) if reply == self._current() else None
        if segment is not None:
            self._watch(WordsSpoken(reply, segment, self._measured.turn))

    def drained(self, reply: str, at: float, samples: int, underruns: int) -> None:
        """Note that the last sample of a reply was sent."""
        if reply != self._current():
            return
        self._measured.note_stage(reply, "last_packet", at)
        self._measured.note_sound(samples, underruns)
        if underruns:
            _log.warning("Reply %s: %d ms of silence: the sound came too late", reply, 20 * underruns)
        self._handle(events.PlaybackDrained(reply))
