"""Benchmark of the model server's prompt cache: how many tokens of each prompt of a call the server reads anew.

In some of the calls, a guess (an answer to the words before a pause) is thrown away before each answer, as when the
person goes on. The responder, its prompts and the bot's own llama.cpp are as in a call.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.errors import MeasurementError
from benchmarks.small_mind import MODEL, small_mind, small_mind_weights
from benchmarks.statistics import spread
from bot.llm.answer_progress import AnswerProgress
from bot.llm.client import ModelClient
from bot.llm.history import History, Turn
from bot.llm.personas import Character, load_persona
from bot.llm.prompts import CallRoom
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.llm.usage import TokenUsage
from bot.responder import ModelResponder
from config.plain_parser import PlainParser
from config.settings import Settings, load_settings

BEGAN = datetime(2026, 11, 27, 18, 5, tzinfo=UTC)
TURN_SECONDS = 20
"""A turn takes this many seconds. A prompt says the time to the minute, so every third prompt names another minute."""
ABANDONED_AFTER = 0.03
"""Seconds after which some guesses are abandoned. The server is still reading their prompts then."""
LARGE = 7_000_000_000
"""The bot is told that the model has this many parameters, so that it gets the long prompts of large models."""
NOT_READ_WORDS = 2
"""The newest interim transcript before the end of a sentence lacks this many of the sentence's last words."""
ANSWER_TOKENS = 40
"""Longest answer, in tokens. It stands for the answers of larger models, which end sooner than those of this one."""
SENTENCES = (
    "I was at the lake this morning, and the water was already cold.",
    "My sister says that I should take a warm coat with me next time.",
    "Do you think that it will rain tomorrow in the afternoon?",
    "Then I would rather stay at home and bake a cake with her.",
    "Which kind of cake would you make for a person who likes nuts?",
    "That sounds good, but I don't have any butter in the house.",
    "Could I take oil for it, or does that make the cake heavy?",
    "All right, I will try that and tell you how it was.",
    "What else could we do on a rainy day, the two of us?",
    "Thank you, that is a nice idea, we have not done that for years.",
)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a call is held.

    Attributes:
        long: whether the model gets the long prompts of large models.
        messages: maximum number of earlier messages in the prompt.
        one_slot: whether all requests go to one slot of the server, which keeps what it has read for the next request.
            If not, the server chooses a slot for each request.
        abandoned: whether each guess is abandoned while the server reads its prompt, and not only after its first word.
        guesses: whether there is a guess before each answer.
        reads_ahead: whether the server reads the conversation as soon as the person begins to speak.
        reads_words: whether it also reads the words of interim transcripts, while the person still speaks.
    """

    long: bool
    messages: int
    one_slot: bool = True
    abandoned: bool = False
    guesses: bool = True
    reads_ahead: bool = True
    reads_words: bool = False


@dataclass(frozen=True, slots=True)
class TurnCost:
    """What one answer cost: the tokens of its prompt, those that were read anew, and the seconds to its first word."""

    prompt: int
    read: int
    first: float


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, min_width=100)


async def _run(run: Run) -> Report:
    settings, arguments = load_settings(), run.arguments
    weights = arguments.weights or small_mind_weights(settings)
    if not weights.is_file():
        raise MeasurementError(f"{weights} is not there; get it with python -m bot models download {MODEL}")
    # With guesses that are closed while the server reads their prompt, and without guesses.
    guesses = ((True, True), (False, False))
    setups = [
        Setup(long, messages, one_slot, *guess, reads_ahead=ahead)
        for long, messages, guess, (one_slot, ahead) in product(
            (False, True), (4, 20), guesses, ((True, True), (True, False), (False, False))
        )
    ]
    setups += [replace(setup, reads_words=True) for setup in setups if setup.reads_ahead and not setup.guesses]
    costs: dict[Setup, list[TurnCost]] = {}
    for setup in setups:
        # Each setup has a server of its own, so that its cache is empty.
        async with small_mind(settings, weights) as options:
            costs[setup] = await hold_call(options, settings, setup, arguments.turns)
    return Report(lambda console: _print(costs, console), figures=_figures(run, costs))


async def hold_call(options: ModelOptions, settings: Settings, setup: Setup, turns: int) -> list[TurnCost]:
    """Hold a call with this number of turns. Returns the cost of each answer."""
    costs: list[TurnCost] = []
    async with _mind(options, settings, setup) as mind:
        for number in range(turns):
            said = SENTENCES[number % len(SENTENCES)]
            words = said.split()
            if setup.reads_ahead:
                await mind.responder.read_ahead("Ada")
            if setup.reads_words:
                # Whisper ends each interim transcript as if it were a sentence.
                await mind.responder.read_ahead("Ada", " ".join(words[:-NOT_READ_WORDS]) + ".")
            if setup.guesses:
                await mind.guess(" ".join(words[: len(words) // 2]), abandoned=setup.abandoned)
            costs.append(await mind.answer(said))
            mind.now += timedelta(seconds=TURN_SECONDS)
    return costs


@dataclass(eq=False)
class _Mind:
    responder: ModelResponder
    history: History
    now: datetime = BEGAN

    async def guess(self, text: str, *, abandoned: bool) -> None:
        """Ask for an answer that nobody will hear, and close it after its first word, or even before."""
        async with aclosing(self.responder.answer(Turn.of_person("Ada", text))) as answer:
            try:
                async with asyncio.timeout(ABANDONED_AFTER if abandoned else None):
                    await anext(answer)
            except TimeoutError:
                pass

    async def answer(self, text: str) -> TurnCost:
        turn, counted = Turn.of_person("Ada", text), list[TokenUsage]()
        asked, first, answer = time.monotonic(), 0.0, ""
        async for piece in self.responder.answer(turn, AnswerProgress(counted=counted.append)):
            first = first or time.monotonic() - asked
            answer += piece
        self.history.add(turn)
        self.history.add(Turn.of_bot(answer))
        if not counted or counted[-1].prompt_tokens is None or counted[-1].cached_tokens is None:
            raise MeasurementError("the model server does not count its tokens")
        prompt = counted[-1].prompt_tokens
        return TurnCost(prompt, prompt - counted[-1].cached_tokens, first)


@asynccontextmanager
async def _mind(options: ModelOptions, settings: Settings, setup: Setup) -> AsyncIterator[_Mind]:
    persona = load_persona(settings.persona)
    character = Character(settings.persona, persona, persona.default_mood)
    # ``None`` leaves the field out of each request, as an operator's ``null`` does.
    extra = options.extra if setup.one_slot else {**options.extra, "id_slot": None}
    async with ModelClient(replace(options, extra=extra, max_tokens=ANSWER_TOKENS)) as client:
        history = History()
        responder = ModelResponder(
            lambda: character,
            history,
            lambda: CallRoom("Lounge", ("Ada", "Ben")),
            lambda: mind.now,
            client,
            setup.messages,
            load_small_prompts(),
        )
        mind = _Mind(responder, history)
        await responder.warm_up()
        if setup.long:
            client.size_of().learn(LARGE)
            await mind.guess("hello", abandoned=False)
        yield mind


def _print(costs: Mapping[Setup, Sequence[TurnCost]], console: Console) -> None:
    table = Table(
        *("prompt", "messages", "guess", "slot", "reads ahead", "tokens", "read anew, median", "most"),
        *("first word, ms, median", "longest"),
    )
    for setup, turns in costs.items():
        read, first = spread([turn.read for turn in turns]), spread([1000 * turn.first for turn in turns])
        sizes = [turn.prompt for turn in turns]
        table.add_row(
            "long" if setup.long else "small",
            str(setup.messages),
            _guess_of(setup),
            "the call's" if setup.one_slot else "any",
            _reading_of(setup),
            f"{min(sizes)} to {max(sizes)}",
            f"{read.median:.0f}",
            f"{read.greatest:.0f}",
            f"{first.median:.0f}",
            f"{first.greatest:.0f}",
        )
    console.print(table)


def _reading_of(setup: Setup) -> str:
    if setup.reads_words:
        return "and the words"
    return "yes" if setup.reads_ahead else "no"


def _guess_of(setup: Setup) -> str:
    if not setup.guesses:
        return "none"
    return "closed while it is read" if setup.abandoned else "closed after its first word"


def _figures(run: Run, costs: Mapping[Setup, Sequence[TurnCost]]) -> dict[str, object]:
    calls = [{**asdict(setup), "turns": [asdict(turn) for turn in turns]} for setup, turns in costs.items()]
    return {"machine": run.machine, "calls": calls}


def _parser() -> PlainParser:
    parser = make_parser("prompt_cache", (__doc__ or "").split("\n")[0])
    parser.add_argument("--turns", type=count, default=10, help="number of turns of each call")
    parser.add_argument("--weights", type=Path, help="a GGUF file in place of SmolLM2's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
