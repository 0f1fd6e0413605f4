"""Whether a model's replies begin inside a thought: asked from the server, and learnt from the replies."""

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

from bot.llm.errors import read_body
from bot.llm.filters.tags import UNMISTAKABLE
from bot.llm.requests import ModelOptions

_log = logging.getLogger(__name__)

_PROBE_TIMEOUT = 0.5
"""Seconds that a first reply may wait for this; it is asked beside the reply, and answered in a few thousandths."""
_MAX_BYTES = 1 << 20
_LOOKED_AT = 400
"""Characters at a prompt's end that are looked at."""
_OUTPUT = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_OF_LLAMA_CPP = frozenset({"chat_template", "default_generation_settings", "generation_prompt"})
_SWITCHES = ("enable_thinking", "thinking")


async def begins_inside_thought(
    session: aiohttp.ClientSession, options: ModelOptions, body: Mapping[str, Any]
) -> bool | None:
    """Whether replies to such requests begin inside a thought; ``None`` where the server does not tell.

    A server that has ``/props`` is llama.cpp's. It is asked for the prompt that it would make of the request
    (``/apply-template``); one that is too old for that has its template read.

    Args:
        body: the request for a reply, as it is sent.

    Raises:
        aiohttp.ClientError: the server can't be asked, or is not ready.
        OSError: the same, or it does not answer in time.
    """
    root = _root(options)
    async with asyncio.timeout(_PROBE_TIMEOUT):
        address = root / "props"
        if model := body.get("model"):
            address = address.with_query(model=str(model), autoload="false")
        props = await _answer(session.get(address))
        if not props.keys() & _OF_LLAMA_CPP:
            return None
        prompt = (await _answer(session.post(root / "apply-template", json=dict(body)))).get("prompt")
        return ends_inside_thought(prompt) if isinstance(prompt, str) and prompt else _tells(props, body)


def ends_inside_thought(prompt: str) -> bool:
    """Whether a prompt ends with an opening mark, so that the reply begins behind it."""
    end = prompt[-_LOOKED_AT:].rstrip()
    for family in UNMISTAKABLE:
        if any(found.end() == len(end) for found in family.opening.finditer(end)):
            return True
    return end.endswith(("<|channel>thought", "<unused94>thought"))


def template_opens_thought(template: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether a chat template, left to itself, opens a thought where the reply begins.

    It is not carried out, only read: what it writes last behind ``add_generation_prompt``.
    """
    if any(kwargs.get(switch) is False for switch in _SWITCHES):
        return False
    cue = template.rpartition("add_generation_prompt")[2]
    literals = (literal for output in _OUTPUT.findall(cue) for literal in _LITERAL.findall(output))
    written = "".join(single or double for single, double in literals)
    return ends_inside_thought(written.replace("\\n", "\n"))


def _tells(props: Mapping[str, Any], body: Mapping[str, Any]) -> bool | None:
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
    """The object that the server answers; {} for anything else."""
    async with request as response:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response.raise_for_status()
        if response.status != HTTPStatus.OK:
            return {}
        try:
            fields = json.loads(await read_body(response, _MAX_BYTES))
        except (ValueError, RecursionError):
            return {}
    return fields if isinstance(fields, dict) else {}


def _root(options: ModelOptions) -> URL:
    """llama.cpp's own endpoints stand beside ``/v1``."""
    base = URL(options.url).with_query(None)
    path = base.raw_path.rstrip("/").removesuffix("/v1")
    return base.with_path(path or "/", encoded=True)


_ASKS = 3
"""How often a server that does not answer is asked for its template."""
_FORGET_AFTER = 2
"""Whole replies in a row without a closing mark, after which a server is no longer taken to begin inside a thought."""


class ThinkingHabit:
    """What is known of one model on one server.

    Some chat templates open the thought themselves; the reply then has the closing mark only, and what stands before it
    can't be told from an answer. So it is remembered that a reply began so, and the next ones are withheld until their
    thought is closed.
    """

    def __init__(self) -> None:
        self.begins_inside = False
        self.goes_on = False
        """Whether that was in a reply whose thoughts came apart, too: they go on in its text."""
        self.known = False
        """Whether anything has told: the server, its template, or a reply."""
        self._asks_left = _ASKS
        self._without_mark = 0

    def may_ask(self) -> bool:
        """Whether to ask the server for its template, which counts as asking."""
        self._asks_left -= 1
        return self._asks_left >= 0 and not self.known

    def template_says(self, begins_inside: bool | None) -> None:
        """The server was asked for its template; ``None`` says that it knows of no such thing."""
        self._asks_left = 0
        if begins_inside is not None and not self.known:
            self.known, self.begins_inside = True, begins_inside

    def began_inside(self, *, went_on: bool = False) -> None:
        """A reply closed a thought that nothing had opened; ``went_on``: it had come apart up to there."""
        if not self.begins_inside:
            _log.info("The model begins its replies inside a thought: they are withheld until the thought is closed")
        self.known = self.begins_inside = True
        self.goes_on = self.goes_on or went_on
        self._without_mark = 0

    def began_outside(self) -> None:
        """A whole reply closed no thought that nothing had opened."""
        self.known = True
        self._without_mark += 1
        if self.begins_inside and self._without_mark >= _FORGET_AFTER:
            self.begins_inside = self.goes_on = False
            self._without_mark = 0
