"""Warnings about what is slower or busier than it should be, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.monitoring.turns import TurnLog
from config.sections import WarningSettings
from config.speech_settings import EngineName
from hardware.poll import CardPoll

DOCTOR = "Run python -m bot doctor, which says what to do."


@dataclass(frozen=True, slots=True)
class FigureWarning:
    """A warning for the operator.

    Attributes:
        code: what the warning is about, for programs.
        text: what is wrong.
        remedy: what can be done about it; may be empty.
    """

    code: str
    text: str
    remedy: str


_QUICK = frozenset({EngineName.PIPER, EngineName.ESPEAK})
"""Engines that are quick on any processor. If they are slow, no other engine helps."""


@dataclass(frozen=True, slots=True)
class _Slow:
    """The texts for a figure that is too high. ``{}`` is the figure."""

    text: str
    remedy: str


_SLOW: Mapping[str, _Slow] = MappingProxyType(
    {
        "stt_ms": _Slow(
            "Recognising the words of a turn takes {:,.0f} ms.",
            "Set STT_MODEL to a smaller Whisper, STT_DEVICE=cuda if there is a graphics card, or STT_URL to a server.",
        ),
        "first_token_ms": _Slow(
            "The model's first token takes {:,.0f} ms.",
            "Set LLM_MODEL to a smaller model, or LLM_URL to a server with a graphics card. With less in "
            "LLM_CONTEXT_MESSAGES, the model has less to read.",
        ),
        "tts_ms": _Slow(
            "The first sound of a clause takes {:,.0f} ms.",
            "Set TTS_ENGINE=piper, which is quick on any processor, or TTS_DEVICE=cuda for XTTS.",
        ),
    }
)
"""The texts for each figure that has a limit. The limit is the field with the figure's name in
:class:`~config.sections.WarningSettings`.
"""


def voice_remedy(engine: str | None) -> str:
    """What helps if the voice is slow. ``engine`` is that of the bot's own speech server; ``None`` if it has none."""
    if engine is None:
        return "The speech server at TTS_WEBSOCKET_URL is slow: look there at what it is busy with."
    if engine in _QUICK:
        return (
            f"The voice ({engine}) is quick where the processor is free: end other programs, or have the model or the "
            "ears compute elsewhere, with LLM_URL or STT_URL."
        )
    cuda = ", or TTS_DEVICE=cuda for XTTS" if engine == EngineName.XTTS else ""
    return f"Set TTS_ENGINE=piper, which is quick on any processor{cuda}."


def slow_engines(
    log: TurnLog, limits: WarningSettings, remedies: Mapping[str, str] = MappingProxyType({})
) -> Iterator[FigureWarning]:
    """A warning for each engine that is slower than its limit, in the median of the newest turns.

    Args:
        remedies: what helps on this installation, by the figure's name. Any other figure has its general remedy.
    """
    for figure, words in _SLOW.items():
        value, limit = log.recent_median(figure), getattr(limits, figure)
        if value is not None and value > limit:
            setting = f"WARN_{figure.upper()}"
            yield FigureWarning(
                figure,
                f"{words.text.format(value)} The limit is {setting}={limit:g}.",
                remedies.get(figure, words.remedy),
            )


def full_cards(cards: CardPoll, limits: WarningSettings) -> Iterator[FigureWarning]:
    """A warning for each graphics card that is too busy, or whose memory is nearly full."""
    for number, card in enumerate(cards.cards):
        busy = cards.mean_utilisation(number)
        if busy is not None and busy > limits.gpu:
            yield FigureWarning(
                "gpu",
                f"{card.name} was {100 * busy:.0f} % busy over the last minute. The limit is WARN_GPU={limits.gpu:g}.",
                "Give calls a card of their own (VOICE_GPU), or take an engine off this one, for example by "
                "STT_DEVICE=cpu.",
            )
    for text in cards.current_warnings():
        yield FigureWarning("vram", text.removeprefix("⚠️ "), "Choose smaller models, or raise TTS_VRAM_WARNING.")


def broken_parts(state: Mapping[str, str], good: frozenset[str]) -> Iterator[FigureWarning]:
    """A warning for each engine that can't be used.

    Args:
        state: the state of each engine, by the engine's name.
        good: the states without a fault.
    """
    for part, found in state.items():
        if found not in good:
            yield FigureWarning(part, f"{part.capitalize()}: {found}", DOCTOR)


def stuck_features(names: tuple[str, ...], prefix: str) -> Iterator[FigureWarning]:
    """A warning for each feature that did not come back after a call."""
    for name in names:
        yield FigureWarning(
            "stuck", f"{name} did not come back after a call.", f"The command {prefix}release {name} tries again."
        )
