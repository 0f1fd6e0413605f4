"""The toolset: all tools of one call or chat, with the limits and the gate that every call of a tool passes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bot.llm.history import Turn
from bot.llm.recollection import NOTHING, Recollection
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription
from bot.tools.arguments import MAX_CHARS, check_arguments
from bot.tools.confirmation import Confirmation, Consents, NoButtons, shown_call
from bot.tools.results import clean_result, result_text
from bot.tools.tool import Asker, Effect, Tool, ToolError
from config.plain_json import read_json

_log = logging.getLogger(__name__)

CALL_SECONDS = 30.0
"""Seconds that a call of a tool may take, without the time in which a person is asked."""
PATIENT_SECONDS = 300.0
"""Seconds that a call of a tool may take where its result can be told after its turn."""
TELL_SECONDS = 2.0
"""An answer waits at most this many seconds until the person has been told of a failure."""
UNKNOWN = "There is no tool of the name {name}, or this person may not use it."
TOO_LONG = "The arguments for {name} are too long. Nothing was done."
TOO_SLOW = "The tool {name} took longer than {seconds:.0f} seconds and was ended."
FAILED = "The tool {name} failed because of a mistake in its program."
GATED = (
    "The tool {name} was not run: it changes something, and {asker} did not ask for it in so many words. Tell {asker} "
    "what you wanted to do, and ask whether you should. If the answer is yes, call the tool again with the same "
    "arguments."
)
HELD_BACK = "I did not use {name} after what I have read: {asker} did not ask for it in so many words."
"""A text for people: something that the model has read may have ordered the call."""
ASK = (
    "The tool {name} was not run yet: it needs a yes of {asker}. Tell {asker} what it would do, and ask whether you "
    "should. If the answer is yes, call the tool again with the same arguments."
)
REFUSED = "The tool {name} was not run: {asker} said no."
NO_ANSWER = "The tool {name} was not run: {asker} did not allow it in time."
ASKS_FIRST = " Before you call it, say what you want to do, since the person is asked for a yes."
ALLOWED = " The person has just said yes to the call with the arguments {arguments}. Make this call now."


class Policy(Protocol):
    """Rules about tools, in addition to what the tools say of themselves."""

    def allows(self, tool: Tool, asker: Asker) -> bool:
        """Whether the person may use the tool."""
        ...

    def asks_first(self, tool: Tool) -> bool:
        """Whether the tool runs only after a yes of the asker."""
        ...

    def is_restricted(self, tool: Tool) -> bool:
        """Whether the operator has allowed the tool to some people only."""
        ...

    def is_outside(self, tool: Tool) -> bool:
        """Whether others wrote the tool and its description."""
        ...


class OwnToolPolicy:
    """The :class:`Policy` of the bot's own tools: they say themselves who may use them, and need no yes."""

    def allows(self, tool: Tool, asker: Asker) -> bool:
        """Whether the tool itself allows the person to use it."""
        return tool.may_use(asker)

    def asks_first(self, tool: Tool) -> bool:
        """No tool needs a yes."""
        return False

    def is_restricted(self, tool: Tool) -> bool:
        """The operator has restricted no tool."""
        return False

    def is_outside(self, tool: Tool) -> bool:
        """Others wrote none of the tools."""
        return False


async def tell_nobody(_: Asker, __: str) -> None:
    """Do nothing: only the model's answer tells the person that a server has failed."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How people are asked for a yes, with buttons and aloud, and how they are told that a server has failed."""

    confirmation: Confirmation
    consents: Consents
    tell_failure: Callable[[Asker, str], Awaitable[None]] = tell_nobody


class Toolset:
    """A :class:`~bot.llm.tools.Toolbox`: the tools for one place where people talk with the bot.

    Args:
        tools: returns the tools that exist now. It is called once for each turn.
        server: id of the Discord server, or of the channel of a private chat, for which voice and persona are chosen;
            0 on the page, 1 on the telephone.
        channel: id of the channel in which the bot answers in writing; ``None`` if there is none.
        asking: how people are asked; if it is ``None``, nobody can be asked with buttons, and no yes is understood.
        seconds: how long a call of a tool may take.
        heard: called with each person whose words begin a turn, for tools that have to know what people have said.
        call: id of the call in which people talk with the bot; ``None`` outside of calls.
    """

    def __init__(
        self,
        tools: Callable[[], Iterable[Tool]],
        server: int,
        channel: int | None = None,
        asking: Asking | None = None,
        policy: Policy | None = None,
        *,
        seconds: float = CALL_SECONDS,
        heard: Callable[[Asker], None] | None = None,
        call: str | None = None,
    ) -> None:
        self._tools = tools
        self._heard = heard
        self._server = server
        self._channel = channel
        self._call = call
        self._asking = asking
        self._policy = policy
        self._seconds = seconds

    def for_turn(
        self, asked: Turn, earlier: Sequence[Turn] = (), *, recollection: Recollection = NOTHING
    ) -> TurnToolset:
        """The tools that the person who said ``asked`` may use; see :class:`~bot.llm.tools.Toolbox`."""
        own = own_words(asked.text)
        asker = Asker(asked.person, asked.speaker, own, self._server, self._channel, self._call)
        if self._heard is not None:
            # Words that the person quotes count here too: a reply to a message with an address asks about the address.
            self._heard(replace(asker, words=asked.text))
        if self._asking is not None:
            self._asking.consents.heard(asker)
        return TurnToolset(
            self._tools(),
            asker,
            self._seconds,
            self._asking,
            self._policy,
            outside_text=own != asked.text or bool(recollection.knowledge),
            others_words=bool(recollection.memory)
            or any(each.role == "user" and _who(each) != _who(asked) for each in earlier),
        )


def own_words(text: str) -> str:
    """The words of the person who wrote a turn, without what follows them in [brackets], which others wrote.

    Whatever follows the first bracket is left out, because what others wrote may have brackets in it.
    """
    return text.partition("[")[0].rstrip()


def _who(turn: Turn) -> tuple[int | None, str]:
    """Who said a turn. The name counts only if the id is not known, because people can change their names."""
    return turn.person, "" if turn.person is not None else turn.speaker


class TurnToolset:
    """The tools of one turn (:class:`~bot.llm.tools.TurnTools`), with the rights of the person whose words began it.

    It has the gate: once a result that this program did not write has come into the turn, a tool that changes something
    runs only if the person's own words ask for it. So a web page or a server can't have the bot do anything. Where the
    model reads descriptions that others wrote, this holds for the bot's own tools from the beginning. It always holds
    for tools that need a right, so that nobody gets what they want by the right of whoever speaks next. For the same
    reason it holds for tools that are allowed to some people only, while the model sees words of other people.

    Args:
        outside_text: whether the turn has words of others from the beginning: a message that is passed on, the preview
            of a link, what a picture shows, passages of files.
        others_words: whether the model sees earlier words of other people, in the conversation or from memory.
    """

    def __init__(
        self,
        tools: Iterable[Tool],
        asker: Asker,
        seconds: float = CALL_SECONDS,
        asking: Asking | None = None,
        policy: Policy | None = None,
        *,
        outside_text: bool = False,
        others_words: bool = False,
    ) -> None:
        self._asker = asker
        self._asking = asking or Asking(NoButtons(), Consents(lambda *_: False))
        self._policy = policy = policy or OwnToolPolicy()
        self._seconds = seconds
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if policy.allows(tool, asker):
                self._tools.setdefault(tool.description.name, tool)
        self._outside_descriptions = any(map(policy.is_outside, self._tools.values()))
        self._outside_results = outside_text
        self._others_words = others_words
        self._failure_told = False

    @property
    def descriptions(self) -> Sequence[ToolDescription]:
        """The tools that the person may use, in the order in which they were added."""
        allowed = self._asking.consents.allowed(self._asker, self)
        return [self._described(tool, allowed) for tool in self._tools.values()]

    async def run(self, call: ToolCall) -> str:
        """Run a call, and return its result, or a sentence that says why there is none. Cancelling ends the tool."""
        name = clean_result(call.name)
        tool = self._tools.get(call.name)
        if tool is None:
            return UNKNOWN.format(name=name)
        if len(call.arguments) > MAX_CHARS:
            return TOO_LONG.format(name=name)
        try:
            arguments = _values(call)
            check_arguments(arguments, tool.description.parameters)
            refusal = await self._refusal(tool, name, call, arguments)
            return refusal or await self._result(tool, name, arguments)
        except ToolError as error:
            return clean_result(str(error)) or FAILED.format(name=name)
        except TimeoutError:
            _log.warning("The tool %s was ended after %.0f s", name, self._seconds)
            return TOO_SLOW.format(name=name, seconds=self._seconds)
        except Exception:
            # A mistake in a tool must not end the call in which it is used.
            _log.exception("The tool %s failed", name)
            return FAILED.format(name=name)

    def _described(self, tool: Tool, allowed: ToolCall | None) -> ToolDescription:
        described = tool.description
        if allowed is not None and allowed.name == described.name:
            return replace(described, text=described.text + ALLOWED.format(arguments=allowed.arguments))
        return replace(described, text=described.text + ASKS_FIRST) if self._policy.asks_first(tool) else described

    async def _refusal(self, tool: Tool, name: str, call: ToolCall, arguments: dict[str, Any]) -> str | None:
        """Why the tool may not run now, for the model; ``None`` if it may."""
        consents, person = self._asking.consents, self._asker
        allowed = consents.allowed(person, self)
        if allowed is not None and allowed.name == call.name and _values(allowed) == arguments:
            consents.forget(person)
            return None
        if not self._gate_is_open(tool, arguments):
            _log.warning("The tool %s was not run: the words of the person whose turn it is do not ask for it", name)
            consents.note(person, call, self)
            if self._outside_results:
                await self._tell_failure(HELD_BACK.format(name=name, asker=person.name))
            return GATED.format(name=name, asker=person.name)
        if not self._policy.asks_first(tool):
            return None
        consents.note(person, call, self)
        if not self._asking.confirmation.can_ask(person):
            return ASK.format(name=name, asker=person.name)
        # If the person answers with words and not with a button, the bot begins to answer these words, and this answer
        # is cancelled.
        answer = await self._asking.confirmation.ask(person, shown_call(call))
        consents.forget(person)
        if answer is None:
            return NO_ANSWER.format(name=name, asker=person.name)
        return None if answer else REFUSED.format(name=name, asker=person.name)

    def _gate_is_open(self, tool: Tool, arguments: dict[str, Any]) -> bool:
        others_spoke = (
            self._outside_results
            or (self._outside_descriptions and not self._policy.is_outside(tool))
            or (self._others_words and self._policy.is_restricted(tool))
        )
        match tool.effect:
            case Effect.NONE:
                return True
            case Effect.CHANGES if not others_spoke:
                return True
            case _:
                return tool.asked_for(self._asker.words, arguments)

    async def _result(self, tool: Tool, name: str, arguments: dict[str, Any]) -> str:
        try:
            async with asyncio.timeout(self._seconds):
                result = await tool.run(arguments, self._asker)
        except ToolError as error:
            if self._policy.is_outside(tool):
                await self._tell_failure(clean_result(str(error)))
            raise
        except TimeoutError:
            if self._policy.is_outside(tool):
                await self._tell_failure(TOO_SLOW.format(name=name, seconds=self._seconds))
            raise
        self._outside_results = self._outside_results or not result.trusted
        return result_text(name, result)

    async def _tell_failure(self, text: str) -> None:
        """Tell the person in writing that a server has failed or that a tool was held back, once in a turn."""
        if self._failure_told:
            return
        self._failure_told = True
        with suppress(TimeoutError):
            async with asyncio.timeout(TELL_SECONDS):
                await self._asking.tell_failure(self._asker, text)


def _values(call: ToolCall) -> dict[str, Any]:
    try:
        values = read_json(call.arguments)
    except (ValueError, RecursionError) as error:
        raise ToolError("The arguments are not a JSON object.") from error
    if not isinstance(values, dict):
        raise ToolError("The arguments are not a JSON object.")
    return values
