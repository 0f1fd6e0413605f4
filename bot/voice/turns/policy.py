"""The turn policy: what is taken for speech, what for the end of a turn, and how long silences are waited for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.voice.turns.end_of_turn import EndOfTurn, RuleBasedEndOfTurn
from bot.voice.turns.settings import OF_SILERO_VADS_NETWORK, TurnSettings
from bot.voice.turns.silero import Silero, VoiceActivityModel


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """How a call makes turns of people's sound. It keeps nothing of a call, so one serves all calls.

    Attributes:
        voice_activity: tells speech from noise, on the input thread.
        end_of_turn: judges pauses by what was said, on the event loop.
        settings: the waits and thresholds, which are right for this ``voice_activity``.
    """

    voice_activity: VoiceActivityModel
    end_of_turn: EndOfTurn
    settings: TurnSettings


def load_turn_policy(network: Path | None = None) -> TurnPolicy:
    """Silero and the rules on the last words. Blocks, about 100 ms: called once, in a thread, when the bot starts.

    Args:
        network: a file of Silero's network; the one that faster-whisper carries if none is given.

    Raises:
        SileroMissing: the network is not there, or is damaged.
        EndingsError: the lists of last words can't be used.
    """
    settings = TurnSettings() if network is None else OF_SILERO_VADS_NETWORK
    return TurnPolicy(Silero(network), RuleBasedEndOfTurn(), settings)
