"""Advice on what to change, from the figures of a rehearsal alone. Pure: figures in, sentences out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.models.needs import QUICK_ENGLISH, download_command
from bot.rehearse.figures import Figures
from bot.voice.metrics import ReplyTrace
from bot.voice.reply_waits import with_earlier_words
from config.place import bot_command
from sandbox.word_errors import WordErrors

GOALS: Mapping[str, float] = MappingProxyType(
    {
        "turn_ended": 300.0,
        "transcribed": 200.0,
        "first_token": 150.0,
        "first_clause": 125.0,
        "first_audio": 90.0,
        "first_packet": 20.0,
    }
)
"""How long each stage may take, in milliseconds. These are the project's goals for two processor cores: the wait for
the end of a turn with an open microphone; Whisper base with a turn of up to 8 seconds; the first token of the model in
the reply benchmark; the first clause's text; Piper's first sound while the ears work; and one frame of 20 ms.
"""
SMALLEST_EARS = "whisper-tiny"
"""The catalogue's smallest speech recognition model."""
MIN_WAIT_FOR_ADVICE = 20.0
"""Waits of fewer milliseconds than this are not worth advice."""
SLOW_PAUSE = 120.0
"""If the first sign of a pause takes more milliseconds than this, it delays the end of the turn. It usually takes 60 to
80 ms."""


@dataclass(frozen=True, slots=True)
class EarsTrial:
    """How a speech recognition model did with the guests' questions.

    Attributes:
        model: the model's id in the catalogue.
        seconds: median time for one question.
        errors: word errors over all questions.
    """

    model: str
    seconds: float
    errors: WordErrors


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of the rehearsal, as far as advice needs them.

    Attributes:
        llm_server: the host of the model server; ``None`` if the bot runs the language model.
        ears_host: the host of the speech recognition; ``None`` if the bot runs it.
        ears: the catalogue's id of the speech recognition model; ``None`` if the catalogue has no such model.
        voice: the name of the voice's engine; ``None`` if the speech server runs elsewhere.
        toys: which of "ears" and "mind" have toy weights. There is no advice about them.
        lacks_quick_english: whether the quick model for English would help, and is not here.
    """

    llm_server: str | None
    ears_host: str | None
    ears: str | None
    voice: str | None
    toys: frozenset[str] = frozenset()
    lacks_quick_english: bool = False


def too_slow(figures: Figures, stage: str) -> bool:
    """Whether a stage takes longer than its goal, and answers or the ends of turns wait for it."""
    found = figures.stages[stage]
    delays = found.waited >= MIN_WAIT_FOR_ADVICE or (stage == "transcribed" and figures.ends_wait_for_words)
    return found.took is not None and found.took > GOALS[stage] and delays


def advice_on(
    figures: Figures, traces: Sequence[ReplyTrace], engines: Engines, trials: Sequence[EarsTrial]
) -> tuple[str, ...]:
    """Sentences that say what to change; none if every stage reaches its goal or delays no answer.

    Args:
        traces: the traces of the answers.
        trials: how the ears in use did with the guests' questions, and then how other ears on this machine did. Empty
            if none were tried.
    """
    advice: Mapping[str, Callable[[float], Iterator[str]]] = {
        "turn_ended": lambda took: _on_the_end(took, figures),
        "transcribed": lambda took: _on_ears(took, traces, engines, trials),
        "first_token": lambda took: _on_the_mind(took, engines),
        "first_clause": _on_clauses,
        "first_audio": lambda took: _on_the_voice(took, engines),
        "first_packet": _on_sending,
    }
    return tuple(
        sentence
        for stage, advise in advice.items()
        if too_slow(figures, stage)
        for sentence in advise(figures.stages[stage].took or 0.0)
    )


def _on_the_end(took: float, figures: Figures) -> Iterator[str]:
    if figures.paused is not None and figures.paused > SLOW_PAUSE:
        why = f"the first sign of a pause comes only after {figures.paused:.0f} ms: this machine is busy"
    elif figures.ends_wait_for_words:
        why = f"the end waits for the words, which come {figures.words:.0f} ms after the last sound: quicker ears help"
    else:
        why = (
            "the questions did not sound finished, or the bot still learns how long each guest pauses; this keeps "
            "people from being cut off, and no setting changes it"
        )
    yield f"The wait for the end of a turn is {took:.0f} ms, because {why}."


def _on_ears(took: float, traces: Sequence[ReplyTrace], engines: Engines, trials: Sequence[EarsTrial]) -> Iterator[str]:
    if "ears" in engines.toys:
        return
    cost = f"The words take {took:.0f} ms"
    if engines.lacks_quick_english:
        yield f"{cost}: English comes in about half the time with Moonshine: type `{download_command(QUICK_ENGLISH)}`."
    if trials:
        now, *others = trials
        quicker = [(saved, trial) for trial in others if (saved := _saved(now, trial, traces)) >= MIN_WAIT_FOR_ADVICE]
        for saved, trial in sorted(quicker, key=lambda found: -found[0]):
            yield (
                f"{cost}: take {trial.model} (STT_MODEL={trial.model}): about -{saved:.0f} ms until the first packet. "
                f"Of the {trial.errors.words} words of the questions, it got {trial.errors.errors} wrong, and your "
                f"ears {now.errors.errors}."
            )
        if quicker:
            return
        if others:
            slower = " and ".join(trial.model for trial in others)
            yield f"{cost}, and {slower}, which is here too, would not be quicker."
            return
    if engines.ears_host is not None:
        yield f"{cost}: use a transcription server nearer than {engines.ears_host}, or the bot's own ears (no STT_URL)."
        return
    if engines.ears == SMALLEST_EARS:
        yield f"{cost}, and {SMALLEST_EARS} is the smallest Whisper: a graphics card (STT_DEVICE=cuda) is quicker."
        return
    yield (
        f"{cost}: use a smaller Whisper, or a graphics card (STT_DEVICE=cuda). No smaller Whisper is on this machine: "
        f"type `{download_command(SMALLEST_EARS)}`, and rehearse again to compare."
    )


def _saved(now: EarsTrial, other: EarsTrial, traces: Sequence[ReplyTrace]) -> float:
    """By how many milliseconds the first packet would come earlier, in the median of the answers."""
    quicker = 1000 * (now.seconds - other.seconds)
    return statistics.median(
        trace.first_packet - (with_earlier_words(trace, quicker).first_packet or 0.0)
        for trace in traces
        if trace.first_packet is not None
    )


def _on_the_mind(took: float, engines: Engines) -> Iterator[str]:
    if "mind" in engines.toys:
        return
    if engines.llm_server is None:
        change = "use a smaller LLM_MODEL, or set LLM_URL to a model server with a graphics card"
    else:
        change = (
            f"use a smaller model, keep it loaded in the server, or use a server nearer than {engines.llm_server} "
            "(LLM_URL). If the model thinks before it answers, switch that off (LLM_EXTRA)"
        )
    yield f"Your model's first token costs {took:.0f} ms: {change}."


def _on_clauses(took: float) -> Iterator[str]:
    yield (
        f"From the first token to the first clause, your model takes {took:.0f} ms: it writes slowly, so a smaller "
        "model or one on a graphics card helps."
    )


def _on_the_voice(took: float, engines: Engines) -> Iterator[str]:
    cost = f"Your voice's first sound costs {took:.0f} ms"
    match engines.voice:
        case None:
            yield f"{cost}: use a nearer speech server (TTS_WEBSOCKET_URL), or a quicker engine there, such as piper."
        case "piper" | "espeak":
            yield f"{cost}, with the quickest engine that there is: other programs or the ears keep this machine busy."
        case engine:
            yield f"{cost} with {engine}: TTS_ENGINE=piper is quicker."


def _on_sending(took: float) -> Iterator[str]:
    yield (
        f"The first packet leaves {took:.0f} ms after its sound is there. It should take less than a frame, so this "
        f"machine is busy: `{bot_command('doctor')}` shows whether other programs keep it busy."
    )
