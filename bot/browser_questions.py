"""Asks the person in a browser call before a tool runs. The person answers by a button on the page, or in words."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.tools.confirmation import BUTTON_SECONDS, READING_SECONDS
from bot.tools.tool import Asker
from bot.tools.yes_no_words import YesNoWords
from bot.voice.browser.server_messages import ErrorCode, Failure, Notice, Question, QuestionOver
from bot.voice.browser.transport import BrowserCall
from bot.voice.events import CallEvent, UtteranceHeard

OVER = "❌ That question is over, or was never asked. Nothing was changed."
NOT_ASKED = "🔒 Only {name} can answer that."


@dataclass(frozen=True, slots=True)
class _Open:
    """A question that waits for its answer.

    Attributes:
        call: id of the call in which it was asked.
        asked_at: when it was sent, in monotonic seconds.
    """

    message: Question
    call: str
    asker: Asker
    asked_at: float
    answer: asyncio.Future[bool]

    def take(self, *, answer: bool) -> None:
        """Record the answer. Another one after it changes nothing."""
        if not self.answer.done():
            self.answer.set_result(answer)


class BrowserQuestions:
    """Asks with buttons on the page (:class:`~bot.tools.confirmation.Confirmation`). Use it only on the event loop.

    The asker can also answer in words (:meth:`hear`). Clients that can't show questions are asked only in words.

    Args:
        calls: returns the calls that are on in browsers.
        yes_no: recognises words for yes and no.
        seconds: how long a person can answer.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        calls: Callable[[], Sequence[BrowserCall]],
        yes_no: YesNoWords,
        *,
        seconds: float = BUTTON_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._yes_no = yes_no
        self._seconds = seconds
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def can_ask(self, asker: Asker) -> bool:
        """Whether the asker is the person in a browser call, and the client shows questions."""
        return self._call_of(asker) is not None

    async def ask(self, asker: Asker, call: str) -> bool | None:
        """Ask on the page. Cancelling ends the question.

        Returns:
            The answer; ``None`` if there is none in time.
        """
        found = self._call_of(asker)
        if found is None:
            return None
        message = Question(secrets.token_hex(8), call)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open[message.question] = _Open(message, found.id, asker, self._clock(), answer)
        found.transport.send(message)
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._open[message.question]
            found.transport.send(QuestionOver(message.question))

    async def tell_failure(self, asker: Asker, text: str) -> None:
        """Tell the person on the page that a server of tools has failed, or that a tool was held back.

        Clients of ``/v1/realtime`` do not get this line. Only the model's answer tells them of it.
        """
        for call in self._calls():
            if _asks_here(asker, call) and asker.person == call.transport.people.person:
                call.transport.send(Notice(f"🔧 {text}"))

    def answer(self, call: BrowserCall, question: str, *, allow: bool) -> None:
        """Take the answer of the person in the call. If they can't answer this question, tell the client why."""
        found = self._open.get(question)
        if found is None or found.call != call.id or found.answer.done():
            call.transport.send(Failure(ErrorCode.NO_QUESTION, OVER))
        elif found.asker.person != call.transport.people.person:
            name = found.asker.name
            call.transport.send(Failure(ErrorCode.NOT_ASKED, NOT_ASKED.format(name=name)))
        else:
            found.take(answer=allow)

    def hear(self, person: int, words: str, call: str, *, spoken: bool = False) -> bool:
        """Take a person's words in a call (by id) as the answer to their newest open question there.

        Spoken words don't count in the first :data:`READING_SECONDS` of a question, because nobody has read it yet.

        Returns:
            Whether the words were an answer.
        """
        latest = self._clock() - (READING_SECONDS if spoken else 0.0)
        there = (each for each in self._open.values() if each.call == call and each.asked_at <= latest)
        own = [each for each in there if each.asker.person == person]
        if not own or own[-1].answer.done():
            return False
        if self._yes_no.is_yes(words):
            own[-1].take(answer=True)
        elif self._yes_no.is_no(words):
            own[-1].take(answer=False)
        return own[-1].answer.done()

    def listen(self, event: CallEvent) -> None:
        """A :data:`~bot.voice.events.Watcher`: takes the words that a person says in a call, if they are an answer."""
        if isinstance(event, UtteranceHeard):
            self.hear(event.person, event.text, event.call, spoken=True)

    def show_again(self, call: BrowserCall) -> None:
        """Send the person's open questions once more, to a client that has just come to the call."""
        for each in self._open.values():
            if each.call == call.id and each.asker.person == call.transport.people.person:
                call.transport.send(each.message)

    def _call_of(self, asker: Asker) -> BrowserCall | None:
        for call in self._calls():
            people = call.transport.people
            if call.transport.shows_questions and _asks_here(asker, call) and asker.person == people.person:
                return call
        return None


def _asks_here(asker: Asker, call: BrowserCall) -> bool:
    here = asker.server == call.server and asker.channel == call.transport.prompts.id
    return here and asker.call in (None, call.id)
