"""Finds out whether a model's replies begin inside a thought: asks the server, and learns from the replies.

Some chat templates end with an opening tag such as ``<think>``. The reply then begins with the model's thought, and
contains only the closing tag.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from bot.llm.filters.tags import UNMISTAKABLE
from bot.llm.requests import ModelOptions
from web_access.bodies import read_body

_log = logging.getLogger(__name__)

_PROBE_TIMEOUT = 0.5
"""Seconds that a model's first reply may wait for the server's answer about its template. The server is asked at the
same time as for the reply, and usually answers within a few milliseconds."""
_MAX_BYTES = 1 << 20
_PROMPT_TAIL = 400
"""Number of characters at the end of a prompt that are searched for an opening tag."""
_OUTPUT = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_OF_LLAMA_CPP = frozenset({"chat_template", "default_generation_settings", "generation_prompt"})
_SWITCHES = ("enable_thinking", "thinking")


async def begins_inside_thought(
    session: aiohttp.ClientSession, options: ModelOptions, body: Mapping[str, Any]
) -> bool | None:
    """Ask a llama.cpp server whether its chat template opens a thought; ``None`` if the server can't tell.

    Only llama.cpp has the endpoint ``/props``. If the server has it, the server is also asked for the prompt that it
    would make of the request (``/apply-template``). If the server is too old for that, its template is read instead.

    Args:
        body: the body of the request for a reply.

    Raises:
        aiohttp.ClientError: the server can't be reached, or is not ready.
        OSError: the server can't be reached.
        TimeoutError: the server did not answer in time.
    """
    root = _root(options)
    async with asyncio.timeout(_PROBE_TIMEOUT):
        address = root / "props"
        if model := body.get("model"):
            address = address.with_query(model=str(model), autoload="false")
        props = await _answer(session.get(address, allow_redirects=False))
        if not props.keys() & _OF_LLAMA_CPP:
            return None
        asking = session.post(root / "apply-template", json=dict(body), allow_redirects=False)
        prompt = (await _answer(asking)).get("prompt")
        return ends_inside_thought(prompt) if isinstance(prompt, str) and prompt else _from_props(props, body)


def ends_inside_thought(prompt: str) -> bool:
    """Whether a prompt ends with the opening tag of a thought."""
    end = prompt[-_PROMPT_TAIL:].rstrip()
    for family in UNMISTAKABLE:
        if any(found.end() == len(end) for found in family.opening.finditer(end)):
            return True
    return end.endswith(("<|channel>thought", "<unused94>thought"))


def template_opens_thought(template: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether a chat template ends the prompt with the opening tag of a thought.

    The template is not executed. Only the text that it writes after ``add_generation_prompt`` is examined.

    Args:
        kwargs: the request's ``chat_template_kwargs``, which may switch thinking off.
    """
    if any(kwargs.get(switch) is False for switch in _SWITCHES):
        return False
    cue = template.rpartition("add_generation_prompt")[2]
    literals = (literal for output in _OUTPUT.findall(cue) for literal in _LITERAL.findall(output))
    written = "".join(single or double for single, double in literals)
    return ends_inside_thought(written.replace("\\n", "\n"))


def _from_props(props: Mapping[str, Any], body: Mapping[str, Any]) -> bool | None:
    settings = props.get("default_generation_settings")
    params = settings.get("params") if isinstance(settings, dict) else None
    for holder in (props, settings, params):
        if isinstance(holder, dict) and isinstance(cue := holder.get("generation_prompt"), str) and cue:
            return ends_inside_thought(cue)
    template = props.get("chat_template")
    if not isinstance(template, str) or not template:
        return None
    kwargs = body.get("chat_template_kwargs")
    return template_opens_thought(template, kwargs if isinstance(kwargs, Mapping) else {})


async def _answer(request: Any) -> Mapping[str, Any]:
    """The JSON object in the response; {} if there is none.

    Raises:
        aiohttp.ClientError: the status is 500 or higher, or the server can't be reached.
    """
    async with request as response:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response.raise_for_status()
        if response.status != HTTPStatus.OK:
            return {}
        try:
            fields = json.loads(await read_body(response.content, _MAX_BYTES))
        except (ValueError, RecursionError):
            return {}
    return fields if isinstance(fields, dict) else {}


def _root(options: ModelOptions) -> URL:
    """The address of llama.cpp's own endpoints, which are outside of ``/v1``."""
    base = URL(options.url).with_query(None)
    path = base.raw_path.rstrip("/").removesuffix("/v1")
    return base.with_path(path or "/", encoded=True)


_MAX_ASKS = 3
"""Maximum number of attempts to ask a server about its template, if it does not answer."""
_FORGET_AFTER = 2
"""If this many complete replies in a row have no lone closing tag, replies are no longer withheld.

A lone closing tag is one without its opening tag.
"""


class ThinkingHabit:
    """Remembers whether the replies of one model on one server begin inside a thought.

    Such a thought has no opening tag in the reply, so its beginning looks like an answer. Once a reply has begun like
    this, the next replies are withheld until the closing tag comes.
    """

    def __init__(self) -> None:
        self.begins_inside = False
        self.goes_on = False
        """Whether thoughts continue in the text, although the server also sends thoughts in a separate field."""
        self.known = False
        """Whether the habit is known, from the server, its template or a reply."""
        self._asks_left = _MAX_ASKS
        self._without_mark = 0

    def may_ask(self) -> bool:
        """Whether to ask the server about its template now. Each call counts as an attempt."""
        self._asks_left -= 1
        return self._asks_left >= 0 and not self.known

    def template_says(self, begins_inside: bool | None) -> None:
        """Learn from the server's template. ``None`` means that the server can't tell, so it is not asked again."""
        self._asks_left = 0
        if begins_inside is not None and not self.known:
            self.known, self.begins_inside = True, begins_inside

    def began_inside(self, *, went_on: bool = False) -> None:
        """Learn from a reply with a lone closing tag, that is, a closing tag without an opening tag.

        Args:
            went_on: whether the server also sent thoughts in a separate field during this reply.
        """
        if not self.begins_inside:
            _log.info("The model begins its replies inside a thought: they are withheld until the thought is closed")
        self.known = self.begins_inside = True
        self.goes_on = self.goes_on or went_on
        self._without_mark = 0

    def began_outside(self) -> None:
        """Learn from a complete reply without a lone closing tag."""
        self.known = True
        self._without_mark += 1
        if self.begins_inside and self._without_mark >= _FORGET_AFTER:
            self.begins_inside = self.goes_on = False
            self._without_mark = 0
