"""Small language models: how a model's size is found, and the shorter prompts that small models get."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import aiohttp
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter

from bot.llm.messages import ChatMessage
from bot.llm.personas import Persona
from bot.llm.probe import FactSource, ask_source, entry_of
from bot.llm.requests import ModelOptions, endpoint_url, root_url
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from languages.guess import LanguageGuesser

SMALL = 2_000_000_000
"""Models of fewer parameters are small."""
TINY = 400_000_000
"""Models of fewer parameters are tiny: they lose themselves in a dialogue."""
_SMALLEST, _LARGEST = 10_000_000, 100_000_000_000_000
"""What is smaller is a toy, which knows its sentences and is to say them whole."""

_IN_NAME = re.compile(r"(?<![\w.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)\s?([bm])(?![a-z0-9])", re.IGNORECASE)
_UNITS = {"b": 1_000_000_000, "m": 1_000_000}


class ModelSize:
    """The size of one model of one server, as far as it is known.

    Args:
        name: what the model is called. It may tell the size; what the server tells wins.
    """

    def __init__(self, name: str | None) -> None:
        self._parameters = size_in_name(name) if name else None

    def learn(self, parameters: int) -> None:
        """The server says this."""
        self._parameters = parameters

    @property
    def small(self) -> bool:
        """Whether it is known to be small; a model of which nothing is known is not."""
        return self._parameters is not None and self._parameters < SMALL

    @property
    def tiny(self) -> bool:
        """Whether it is known to be smaller still."""
        return self._parameters is not None and self._parameters < TINY


def size_in_name(name: str) -> int | None:
    """The parameters that a model's name tells of ("qwen2.5-0.5b", "SmolLM2-135M-Instruct", "mixtral-8x7b").

    Of several numbers the largest counts: a mixture's active part is named beside the whole.
    """
    found = [
        round(int(times or 1) * float(number) * _UNITS[unit.lower()]) for times, number, unit in _IN_NAME.findall(name)
    ]
    return max(filter(_sensible, found), default=None)


async def ask_model_size(session: aiohttp.ClientSession, options: ModelOptions) -> int | None:
    """The parameters of ``options.model`` as the server counts them; ``None`` where it tells nothing. Never raises."""
    for place in _sources(options):
        told = await ask_source(session, place, options)
        if isinstance(told, int) and _sensible(told):
            return told
    return None


def _sources(options: ModelOptions) -> Iterator[FactSource]:
    yield FactSource("GET", endpoint_url(options, "/models"), _from_llama_cpp)
    if options.model:
        yield FactSource("POST", root_url(options) / "api/show", _from_ollama, {"model": options.model})


def _from_llama_cpp(told: Any, model: str | None) -> object:
    return entry_of(told["data"], model, "id")["meta"]["n_params"]


def _from_ollama(told: Any, _: str | None) -> object:
    return told["model_info"].get("general.parameter_count") or size_in_name(told["details"]["parameter_size"])


def _sensible(parameters: int) -> bool:
    return _SMALLEST <= parameters <= _LARGEST


TEMPERATURE = 0.05
"""At 0.5 a model of 135 million parameters babbles; from 0.1 on it forgets more of what it was told.
Some servers refuse 0."""
MAX_TOKENS = 96
"""Room for the filter's 40 words, and for a sentence that is dropped because it would be too much."""
SAMPLING = MappingProxyType({"min_p": 0.1})
"""Fields of the request. No penalties: they punish the very words that people want to hear again, such as a name that
they have told. Loops are ended by :class:`~bot.llm.filters.brief.BriefFilter`."""


def options_for_size(options: ModelOptions, *, small: bool) -> ModelOptions:
    """The options for a model of this size; what the operator has chosen stays."""
    if not small:
        return options
    chosen: dict[str, Any] = {"extra": {**SAMPLING, **options.extra}}
    if "temperature" not in options.chosen:
        chosen["temperature"] = TEMPERATURE
    if "max_tokens" not in options.chosen:
        chosen |= {"max_tokens": MAX_TOKENS, "brief": True}
    return replace(options, **chosen)


SMALL_PROMPTS_FILE = Path(__file__).parents[2] / "config" / "language" / "small_talk.yaml"
DEFAULT_LANGUAGE = "en"

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class SmallPrompt(BaseModel):
    """What opens a talk in one language; ``{bot}`` and ``{person}`` stand for the names.

    ``{character}`` stands for a comma and the persona's character in a few words, or for nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: _Words
    hello: _Words | None = None
    welcome: _Words | None = None


SmallPrompts = Mapping[str, SmallPrompt]
"""By language."""


def _with_default_language(beginnings: dict[str, SmallPrompt]) -> dict[str, SmallPrompt]:
    if DEFAULT_LANGUAGE not in beginnings:
        raise ValueError(f"the language {DEFAULT_LANGUAGE!r} is missing")
    return beginnings


_FILE = TypeAdapter(Annotated[dict[str, SmallPrompt], AfterValidator(_with_default_language)])


class SmallPromptError(BrokenFileError):
    """The file of beginnings can't be used; the text names it and the fault."""


def load_small_prompts(path: Path = SMALL_PROMPTS_FILE) -> SmallPrompts:
    """Read the file. Blocks.

    Raises:
        SmallTalkError: it can't be read, or is malformed.
    """
    try:
        return _FILE.validate_python(read_yaml(path))
    except UNREADABLE as error:
        raise SmallPromptError(f"{path} can't be used: {reason(error)}") from error


class SmallPromptWriter:
    """Writes the messages of one conversation. :meth:`load` comes first; belongs to the event loop."""

    def __init__(self, beginnings: SmallPrompts) -> None:
        self._beginnings = beginnings
        self._guesser = LanguageGuesser(beginnings)
        self._loaded = False
        self._language = DEFAULT_LANGUAGE

    async def load(self) -> None:
        """Load what tells languages apart, in a thread; nothing happens if it is there."""
        if not self._loaded:
            await asyncio.to_thread(self._guesser.load)
            self._loaded = True

    def messages(self, persona: Persona, talk: Sequence[ChatMessage], size: ModelSize) -> tuple[ChatMessage, ...]:
        """Who the model is, and ``talk``, whose roles alternate; its last line is to be answered.

        For a tiny model the talk is one message with what people said: of what it said itself it would go on for ever.
        """
        line = talk[-1].content.rpartition("\n")[2]
        person, _, text = line.partition(": ")
        beginning = self._beginning(text)
        names = {
            "bot": persona.name,
            "person": person,
            "character": f", {persona.in_short}" if persona.in_short else "",
        }
        opening = [ChatMessage("system", _filled(beginning.system, names))]
        if beginning.hello is not None and beginning.welcome is not None:
            opening.append(ChatMessage("user", _filled(beginning.hello, names)))
            opening.append(ChatMessage("assistant", _filled(beginning.welcome, names)))
        if size.tiny:
            lines = "\n".join(message.content for message in talk if message.role == "user")
            return *opening, ChatMessage("user", lines)
        return *opening, *talk

    def _beginning(self, line: str) -> SmallPrompt:
        if not self._loaded:
            raise RuntimeError("what tells languages apart is not loaded")
        self._language = self._guesser.guess(line, self._language) or self._language
        return self._beginnings[self._language]


def _filled(words: str, names: Mapping[str, str]) -> str:
    # Not str.format: a name may have braces.
    for key, name in names.items():
        words = words.replace(f"{{{key}}}", name)
    return words
