"""What a person types in a browser call: prompts, commands, answers to questions, and requests about the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bot.browser_commands import BrowserCommands
from bot.browser_farewells import MissedNotices
from bot.browser_questions import BrowserQuestions
from bot.browser_session import BrowserSession
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.voice.browser.client_messages import NO_WORDS, TextTyped
from bot.voice.browser.server_messages import ErrorCode, Failure, Notice
from bot.voice.dialogue.left_unanswered import LEFT_UNANSWERED
from bot.voice.prompt_handles import PromptHandle
from bot.voice.turn import Prompt

TOO_MANY_TEXTS = "One moment: the call is only beginning."
IGNORED = "🔇 I don't answer you here, because I was told to ignore you."


class BrowserTexts:
    """Has typed texts answered, and carries out what they command. Use it only on the event loop.

    Args:
        commands: carries out typed commands.
        questions: asks the person on the page before a tool runs; a text may be the answer.
        missed: keeps the answers to commands for people whose call another person has taken over meanwhile.
        leave: ends a call because of a command.
        start: runs work in the background.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        commands: BrowserCommands,
        questions: BrowserQuestions,
        missed: MissedNotices,
        *,
        leave: Callable[[BrowserSession], None],
        start: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        clock: Callable[[], float],
    ) -> None:
        self._commands = commands
        self._questions = questions
        self._missed = missed
        self._leave = leave
        self._start = start
        self._clock = clock

    async def typed(self, text: TextTyped, session: BrowserSession) -> None:
        """Have a text answered, or carry out the command in it. While the call begins, the text waits."""
        call, words = session.call, clean_prompt(text.text, DiscordNames())
        if session.ready or not words:
            call.transport.waiting.follow(text.id, await self._take(words, session))
        elif session.keep_early(text):
            call.transport.waiting.add(text.id)
        else:
            call.transport.send(Failure(ErrorCode.SLOW_DOWN, TOO_MANY_TEXTS))
            call.transport.waiting.follow(text.id, None)

    async def _take(self, words: str, session: BrowserSession) -> PromptHandle | None:
        """Have words answered, or carry out the command in them. Returns the prompt that they are, if any."""
        call, people = session.call, session.call.transport.people
        if not words:
            call.transport.send(Failure(ErrorCode.EMPTY_TEXT, NO_WORDS))
        elif self._commands.may_take_long(words):
            # The call's sound comes over the same socket, and must not wait for the command.
            self._start(self._carry_out(words, session), "browser call: a command")
        elif self._commands.is_command(words):
            await self._carry_out(words, session)
        elif self._questions.hear(people.person, words, call.id):
            pass  # The text was the answer to a question.
        elif not call.may_talk(people.person):
            call.transport.send(Failure(ErrorCode.NOT_ANSWERED, IGNORED))
        elif call.conversation.over:
            call.transport.send(Notice(LEFT_UNANSWERED))
        elif not call.take_memory_request(people.person, people.name(people.person), words):
            return call.say(Prompt(people.name(people.person), words, self._clock(), person=people.person))
        return None

    async def _carry_out(self, words: str, session: BrowserSession) -> None:
        call, known_as = session.call, session.id
        client, person = call.transport.client, call.transport.people.person
        answer = await self._commands.answer(words, call, lambda: self._leave(session))
        # The client may have given another name meanwhile, and another client of the same person may have come.
        if call.transport.people.person == person or (client is not None and call.transport.client is client):
            call.transport.send(Notice(answer))
        else:
            self._missed.keep(known_as, [Notice(answer)], frozenset((person,)))
