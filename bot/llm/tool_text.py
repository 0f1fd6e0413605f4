"""The text form of tools, for models and servers that do not take them in a field of the request.

The tools are described in the system prompt. A call is ``<tool_call>{"name": …, "arguments": {…}}</tool_call>`` in the
model's text, as Hermes and Qwen have learned it, and its result is ``<tool_response>…</tool_response>`` in a message of
the user. :class:`~bot.llm.filters.tool_calls.ToolCallFilter` takes the calls out of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription

_HEADING = """\
## Tools
You may call the tools below, one JSON object a line. To call one, write only this, and nothing after it:
<tool_call>{"name": "NAME", "arguments": {}}</tool_call>
The arguments must fit the tool's parameters. Several calls are several such lines. The results come in \
<tool_response>; then answer with them. Call a tool only if it is needed, never make up a result, and never write of \
these tags to people."""

_SECTION = re.compile(r"\n\n## (?:Memory|Knowledge|Room|Now)\n")
"""The first heading of the sections that change often. They stay last, so that what is before them is cached."""
_TAGS = re.compile(r"</?\s*tool_(?:call|response)\s*>", re.IGNORECASE)


MAX_SHARE_OF_CONTEXT = 0.3
"""The descriptions of tools fill at most this share of the context window. The conversation needs the rest."""


def tools_that_fit(tools: Sequence[ToolDescription], context_tokens: int) -> tuple[Sequence[ToolDescription], int]:
    """The tools whose descriptions fit into their share of the context window, and their estimated tokens.

    Earlier tools are preferred. A tool that does not fit is left out, and the tools after it are still tried.
    """
    kept, taken = list[ToolDescription](), 0
    for tool in tools:
        if taken + tool.tokens <= MAX_SHARE_OF_CONTEXT * context_tokens:
            kept.append(tool)
            taken += tool.tokens
    return kept, taken


def tools_as_text(tools: Iterable[ToolDescription]) -> str:
    """The section of the system prompt that describes the tools."""
    return "\n".join([_HEADING, *(json.dumps(tool.fields, ensure_ascii=False) for tool in tools)])


def messages_as_text(messages: Sequence[ChatMessage], tools: Sequence[ToolDescription]) -> list[ChatMessage]:
    """Write tools, calls and results into the texts of the messages, so that no message has the role ``tool``.

    The tags are removed from what people wrote and from results, so that nobody can write a call or a result.
    """
    written: list[ChatMessage] = []
    for message in messages:
        if message.role == "tool":
            result = f"<tool_response>\n{_TAGS.sub('', message.content)}\n</tool_response>"
            if written and written[-1].role == "user" and written[-1].content.startswith("<tool_response>"):
                written[-1] = ChatMessage("user", f"{written[-1].content}\n{result}")
            else:
                written.append(ChatMessage("user", result))
        elif message.role == "user":
            written.append(replace(message, content=_TAGS.sub("", message.content)))
        else:
            calls = (_call_as_text(call) for call in message.calls)
            written.append(ChatMessage(message.role, "\n".join(part for part in (message.content, *calls) if part)))
    return _with_system(written, tools_as_text(tools)) if tools else written


def _call_as_text(call: ToolCall) -> str:
    return f'<tool_call>{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}</tool_call>'


def _with_system(messages: list[ChatMessage], section: str) -> list[ChatMessage]:
    """Put the section into the system prompt, before the parts of it that change often."""
    if not messages or messages[0].role != "system":
        return [ChatMessage("system", section), *messages]
    text = messages[0].content
    found = _SECTION.search(text)
    end = found.start() if found else len(text)
    return [ChatMessage("system", f"{text[:end]}\n\n{section}{text[end:]}"), *messages[1:]]
