"""Small language models: how a model's size is found, and the shorter prompts that small models get."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import aiohttp
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter

from bot.llm.messages import ChatMessage
from bot.llm.people_questions import statements
from bot.llm.personas import Persona
from bot.llm.requests import ModelOptions, endpoint_url, root_url
from bot.llm.server_facts import FactSource, ask_source, entry_of
from bot.llm.small_limits import SmallLimits
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from languages.guess import LanguageGuesser

SMALL = 2_000_000_000
"""Models with fewer parameters than this are small."""
TINY = 400_000_000
"""Models with fewer parameters than this are tiny: a dialogue with their own answers in it confuses them."""
_SMALLEST, _LARGEST = 10_000_000, 100_000_000_000_000
"""Range of believable parameter counts. Smaller models are this project's toy models, which know their answers by
heart. Their answers must not be cut short, so they don't count as small."""

_IN_NAME = re.compile(r"(?<![\w.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)\s?([bm])(?![a-z0-9])", re.IGNORECASE)
_UNITS = {"b": 1_000_000_000, "m": 1_000_000}


class ModelSize:
    """The number of parameters of one model, as far as it is known.

    Args:
        name: the model's name. The size in it (:func:`size_in_name`) is used until the server reports the size.
    """

    def __init__(self, name: str | None) -> None:
        self._parameters = size_in_name(name) if name else None

    def learn(self, parameters: int) -> None:
        """Set the number of parameters that the server has sent."""
        self._parameters = parameters

    @property
    def small(self) -> bool:
        """Whether the model is known to be small. A model of unknown size is not small."""
        return self._parameters is not None and _SMALLEST <= self._parameters < SMALL

    @property
    def tiny(self) -> bool:
        """Whether the model is known to be tiny. A model of unknown size is not tiny."""
        return self._parameters is not None and _SMALLEST <= self._parameters < TINY

    @property
    def takes_tools(self) -> bool:
        """Whether the model is told of tools. Small models and toys aren't: they would call tools at random."""
        return self._parameters is None or self._parameters >= SMALL


def size_in_name(name: str) -> int | None:
    """Read the number of parameters from a model's name ("qwen2.5-0.5b", "SmolLM2-135M-Instruct", "mixtral-8x7b").

    If the name has several numbers, the largest counts: some names of mixture-of-experts models have both the total
    and the active parameters. Returns ``None`` if the name has no believable number.
    """
    found = [
        round(int(times or 1) * float(number) * _UNITS[unit.lower()]) for times, number, unit in _IN_NAME.findall(name)
    ]
    return max(filter(_sensible, found), default=None)


async def ask_model_size(session: aiohttp.ClientSession, options: ModelOptions) -> int | None:
    """Ask the server for the number of parameters of ``options.model``.

    Never raises. Returns ``None`` if the server doesn't tell it. Takes up to ``connect_timeout`` seconds per address.
    """
    for source in _sources(options):
        answer = await ask_source(session, source, options)
        if isinstance(answer, int) and not isinstance(answer, bool) and 0 < answer <= _LARGEST:
            return answer
    return None


def _sources(options: ModelOptions) -> Iterator[FactSource]:
    yield FactSource("GET", endpoint_url(options, "/models"), _from_llama_cpp)
    if options.model:
        yield FactSource("POST", root_url(options) / "api/show", _from_ollama, {"model": options.model})


def _from_llama_cpp(answer: Any, model: str | None) -> object:
    return entry_of(answer["data"], model, "id")["meta"]["n_params"]


def _from_ollama(answer: Any, _: str | None) -> object:
    return answer["model_info"].get("general.parameter_count") or size_in_name(answer["details"]["parameter_size"])


def _sensible(parameters: int) -> bool:
    return _SMALLEST <= parameters <= _LARGEST


TEMPERATURE = 0.05
"""Sampling temperature of small models. At 0.5 a model of 135 million parameters writes nonsense; from 0.1 upward it
forgets more of what people said. It is not 0, because some servers refuse 0."""
MAX_TOKENS = 96
"""Longest answer of small models, in tokens. This is room for the 40 words that ``BriefFilter`` lets through, and for a
sentence that the filter drops because it would be too much."""
SAMPLING = MappingProxyType({"min_p": 0.1})
"""Further request fields for small models. There are no repetition penalties: they would suppress words that people
want to hear again, such as their own name. :class:`~bot.llm.filters.brief.BriefFilter` ends loops instead."""


def options_for_size(options: ModelOptions, size: ModelSize) -> ModelOptions:
    """Adapt the options to the model's size. Values that the operator chose are kept."""
    if not size.small:
        return options
    # A tiny model often puts the asker's name before its own answer. The answer must not count as the asker's words,
    # for in 184 replies such a model never quoted anybody.
    chosen: dict[str, Any] = {"extra": {**SAMPLING, **options.extra}, "quotes_people": not size.tiny}
    if "temperature" not in options.chosen:
        chosen["temperature"] = TEMPERATURE
    if "max_tokens" not in options.chosen:
        chosen |= {"max_tokens": MAX_TOKENS, "brief": True}
    return replace(options, **chosen)


SMALL_PROMPTS_FILE = Path(__file__).parents[2] / "config" / "language" / "small_talk.yaml"
DEFAULT_LANGUAGE = "en"

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class SmallPrompt(BaseModel):
    """The first messages that a small model reads, in one language.

    In the texts, ``{bot}`` and ``{person}`` are replaced by names. ``{character}`` is replaced by a comma and the
    persona's ``in_short``, or by nothing if the persona has none.

    Attributes:
        system: the system message.
        hello: an invented first message of the person, or ``None``.
        welcome: the bot's invented answer to ``hello``, or ``None``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: _Words
    hello: _Words | None = None
    welcome: _Words | None = None


@dataclass(frozen=True, slots=True)
class SmallPrompts:
    """What is said to small models, and in place of them.

    Attributes:
        by_language: the prompts by language tag.
        limits: the answers to what small models can't do.
    """

    by_language: Mapping[str, SmallPrompt]
    limits: SmallLimits


def _with_default_language(by_language: dict[str, SmallPrompt]) -> dict[str, SmallPrompt]:
    if DEFAULT_LANGUAGE not in by_language:
        raise ValueError(f"the language {DEFAULT_LANGUAGE!r} is missing")
    return by_language


_FILE = TypeAdapter(Annotated[dict[str, SmallPrompt], AfterValidator(_with_default_language)])


class SmallPromptError(BrokenFileError):
    """The file with the prompts of small models can't be used. The message names the file and the mistake in it."""


def load_small_prompts(path: Path = SMALL_PROMPTS_FILE) -> SmallPrompts:
    """Read the prompts of small models from a file, and their limits from theirs. Blocks on the disk.

    Raises:
        SmallPromptError: the file can't be read, or is malformed.
        SmallLimitsError: the file of limits can't be read, or is malformed.
    """
    try:
        by_language = _FILE.validate_python(read_yaml(path))
    except UNREADABLE as error:
        raise SmallPromptError(f"{path} can't be used: {reason(error)}") from error
    return SmallPrompts(by_language, SmallLimits())


class SmallPromptWriter:
    """Builds the messages that a small model gets. Use it only on the event loop, and await :meth:`load` first.

    Args:
        small_prompts: the prompts by language. The prompt in the language of the newest line is used.
    """

    def __init__(self, small_prompts: Mapping[str, SmallPrompt]) -> None:
        self._small_prompts = small_prompts
        self._guesser = LanguageGuesser(small_prompts)
        self._loaded = False
        self._language = DEFAULT_LANGUAGE

    async def load(self) -> None:
        """Load the language guesser in a thread. Calling it again does nothing."""
        if not self._loaded:
            await asyncio.to_thread(self._guesser.load)
            self._loaded = True

    def messages(
        self,
        persona: Persona,
        talk: Sequence[ChatMessage],
        size: ModelSize,
        instructions: str = "",
        *,
        unfinished: bool = False,
    ) -> tuple[ChatMessage, ...]:
        """Build the messages: the prompt in the language of the last line, then the conversation.

        For a tiny model, the conversation is one message with the people's lines only. If the model read its own
        answers, it would continue them for ever. Lines that have been answered, and other people's lines, are reduced
        to their :func:`~bot.llm.people_questions.statements`, because the model would repeat their questions and
        greetings. A message of a single line does not begin with the person's name.

        Args:
            talk: the conversation, with alternating roles. The last line of the last message is to be answered.
            instructions: what a program asks of the answers. They are added to the system message.
            unfinished: whether the last line is not complete yet. The language then stays as it is.
        """
        line = talk[-1].content.rpartition("\n")[2]
        person, _, text = line.partition(": ")
        beginning = self._beginning("" if unfinished else text)
        names = {
            "bot": persona.name,
            "person": person,
            "character": f", {persona.in_short}" if persona.in_short else "",
        }
        system = " ".join(part for part in (_filled(beginning.system, names), instructions) if part)
        opening = [ChatMessage("system", system)]
        if beginning.hello is not None and beginning.welcome is not None:
            opening.append(ChatMessage("user", _filled(beginning.hello, names)))
            opening.append(ChatMessage("assistant", _filled(beginning.welcome, names)))
        if size.tiny:
            return *opening, ChatMessage("user", _lines_for_tiny(talk))
        return *opening, *talk

    def _beginning(self, line: str) -> SmallPrompt:
        if not self._loaded:
            raise RuntimeError("the language guesser is not loaded")
        self._language = self._guesser.guess(line, self._language) or self._language
        return self._small_prompts[self._language]


def _lines_for_tiny(talk: Sequence[ChatMessage]) -> str:
    """The newest lines of the person who is answered, after what people told in the lines before.

    A person who has several lines after the last answer gets one answer to all of them.
    """
    lines = [line for message in talk if message.role == "user" for line in message.content.split("\n")]
    person = lines[-1].partition(": ")[0]
    newest = takewhile(lambda line: line.partition(": ")[0] == person, reversed(talk[-1].content.split("\n")))
    asked = list(newest)[::-1]
    told = []
    for line in lines[: -len(asked)]:
        name, _, text = line.partition(": ")
        if what := statements(text):
            told.append(f"{name}: {what}")
    shown = [*told, *asked]
    return "\n".join(shown) if len(shown) > 1 else asked[0].partition(": ")[2]


def _filled(words: str, names: Mapping[str, str]) -> str:
    # str.format is not used, because names may contain braces.
    for key, name in names.items():
        words = words.replace(f"{{{key}}}", name)
    return words
