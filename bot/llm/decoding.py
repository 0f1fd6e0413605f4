"""From the bytes of a model server's answer to the steps of a reply; no input, no output, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError, error_text, parse_delta
from bot.llm.sse import BARE, ERROR, SseEvent, SseParser


class ReplyDecoder:
    """The deltas in an answer's bytes, however they are cut.

    It goes by the bytes and not by the answer's content type, which servers and proxies get wrong: it reads event
    streams, JSON lines, and a whole answer as one JSON object.
    """

    def __init__(self) -> None:
        self._parser = SseParser()
        self._events: deque[SseEvent] = deque()
        self._ended = False
        self._begun = False
        self._text_in_pieces = False
        self._calls_in_pieces = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            SseOverflowError: an event without end.
        """
        self._events.extend(self._parser.feed(chunk))

    def finish(self) -> None:
        """There are no more bytes. Raises as :meth:`feed`."""
        self._ended = True
        self._events.extend(self._parser.finish())

    def next(self) -> Delta | None:
        """The next delta that says, calls, thinks or finishes something; ``None`` where that takes more bytes, or at
        the end.

        Raises:
            BrokenDeltaError: something that is not a reply.
            ServerSaidError: the server reports an error.
        """
        while self._events:
            delta = self._parse(self._events.popleft())
            if delta.whole:
                delta = self._without_repetition(delta)
            else:
                self._text_in_pieces = self._text_in_pieces or bool(delta.text)
                self._calls_in_pieces = self._calls_in_pieces or bool(delta.calls)
            if delta.says or delta.reasoning or delta.finished:
                self._begun = True
                return delta
        return None

    def _without_repetition(self, delta: Delta) -> Delta:
        if self._text_in_pieces:
            delta = replace(delta, text="", reasoning="")
        return replace(delta, calls=()) if self._calls_in_pieces else delta

    def _parse(self, event: SseEvent) -> Delta:
        if event.type == ERROR:
            raise ServerSaidError(error_text(event.data))
        if event.type == BARE and not self._begun and _is_a_sentence(event.data):
            raise ServerSaidError(error_text(event.data))
        try:
            return parse_delta(event.data)
        except BrokenDeltaError:
            if self._is_dispensable(event):
                return Delta()
            raise

    def _is_dispensable(self, event: SseEvent) -> bool:
        """At the end of a stream: the last event may be cut off, and lines that belong to nothing mean nothing."""
        if not self._ended:
            return False
        return self._begun or event.type != BARE


def _is_a_sentence(body: str) -> bool:
    """Whether a body without any event is plain words: neither JSON nor a web page."""
    return body.lstrip()[:1] not in ("{", "[", "<", '"')
