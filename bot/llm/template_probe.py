"""Asks a server whether the chat template of its model opens a thought: replies then begin inside a thought."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from bot.llm.filters.tags import UNMISTAKABLE
from bot.llm.request_sender import Connections, ReplyRequest
from bot.llm.requests import ModelOptions, reply_body
from bot.llm.thinking import ThinkingHabit
from config.engine_sections import ModelApi
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


class TemplateProbe:
    """Asks the server on behalf of one request, as long as the answer is not known.

    Args:
        request: the request for a reply.
        habit: learns what the server answers.
        connections: returns the session with the connections to the server.
    """

    def __init__(self, request: ReplyRequest, habit: ThinkingHabit, connections: Connections) -> None:
        self._request = request
        self._habit = habit
        self._connections = connections

    async def ask(self) -> bool:
        """Ask the server whether its chat template opens a thought, if that is not known yet.

        Returns True if the server could not be asked yet, for example because it is still loading its model. Then it
        can be asked as soon as its reply has begun.
        """
        options = self._request.options
        if options.api is not ModelApi.CHAT or self._request.continues or not self._habit.may_ask():
            return False
        body = reply_body(options, self._request.messages, options.max_tokens)
        try:
            self._habit.template_says(await begins_inside_thought(self._connections(), options, body))
        except TimeoutError:
            return False
        except (aiohttp.ClientError, OSError) as error:
            _log.debug("The server's chat template is not known: %r", error)
            return True
        return False

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Ask the server while the request for the reply is sent, unless the answer is known already.

        Yields a function that is awaited once the reply has begun.
        """
        asking = None
        if not self._habit.known:
            asking = asyncio.create_task(self.ask(), name="chat template")

        async def template_known() -> None:
            if asking is not None and await asking:
                await self.ask()

        try:
            yield template_known
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.wait([asking])


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
