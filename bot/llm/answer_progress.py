"""Functions by which a caller who has asked for an answer learns what happens while it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.llm.late_calls import TakeLate, take_none
from bot.llm.prompt_report import PromptReport
from bot.llm.usage import TokenUsage
from bot.metering import NOBODY, Account


def _ignore(*_: Any) -> None:
    """Do nothing."""


async def _at_once() -> None:
    """Return at once."""


@dataclass(frozen=True, slots=True)
class AnswerProgress:
    """Functions that are called while an answer is made. Those that are left out do nothing.

    Attributes:
        account: the place and the person for whom the answer is made.
        loading: called once if the server has been loading its model for a while.
        fitted: called with what the prompt holds and what was cut from it, just before ``asked``.
        asked: called when the request was written to the connection. It may be called more than once, or never.
        came: called for each piece of a reply that has come from the server, even if it is only a thought.
        moved: called with a sentence for people if another model server answers from now on.
        counted: called with the token counts of the prompt and the answer, if the server reports them.
        tools: called with True when the model has called tools and the answer waits for their results, and with False
            when the results are there and the model is asked again. Both may happen several times. If the answer is
            closed meanwhile, False is not called.
        before_tools: awaited in two cases: before tools are run, after ``tools(True)``; and before a server that costs
            money is asked, unless that server may be asked for speculative replies. It returns when the answer is known
            to be wanted. So a speculative reply that is discarded runs no tool, and costs money only where it may.
        mood: called before the text of an answer whose head names a mood, with the name as the model wrote it, which
            may be unknown; and with ``None`` if that name was in a thought. A name after text, or in the result of a
            tool, does not count.
        take_late: called with tools that take too long to be waited for. If it returns True, it has taken them over,
            and the answer ends without their results. If it returns False, the answer goes on waiting for their
            results, up to the limit of the turn.
    """

    account: Account = NOBODY
    loading: Callable[[], None] = _ignore
    fitted: Callable[[PromptReport], None] = _ignore
    asked: Callable[[], None] = _ignore
    came: Callable[[], None] = _ignore
    moved: Callable[[str], None] = _ignore
    counted: Callable[[TokenUsage], None] = _ignore
    tools: Callable[[bool], None] = _ignore
    before_tools: Callable[[], Awaitable[None]] = _at_once
    mood: Callable[[str | None], None] = _ignore
    take_late: TakeLate = take_none


NOT_WATCHED = AnswerProgress()
