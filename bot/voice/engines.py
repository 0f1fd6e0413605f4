"""The parts of a call that are loaded or chosen before it, such as the transcriber and the turn policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.characters import LocalCharacter
from bot.llm.history import History
from bot.llm.prompts import CallRoom
from bot.metering import Account
from bot.voice.ambience import AmbiencePlayer
from bot.voice.dialogue.reply_parameters import Manner
from bot.voice.memory_requests import MemoryKeeper
from bot.voice.ports import Responder, SpeechClient
from bot.voice.speculation import WITHOUT_COSTS, Speculation
from bot.voice.spoken_music import SpokenMusicControl
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.turns.turns import TurnPolicy
from bot.voice.utterances.word_lists import WordLists
from wire.parameters import SpeechParameters

LoadingReport = Callable[[float], None]
"""Receives the progress of loading, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CallEngines:
    """The engines and rules from which a call is built.

    Attributes:
        character: the bot's persona and mood in the place where the call is held.
        make_responder: builds the responder of a call. Takes the call's history, and a function that returns where
            the call is and who is in it.
        make_speech_client: builds the connection to the speech server. Takes a function that returns the account to
            which the sound that comes now is charged.
        manner: called before each reply; returns its speech parameters (voice, speed and so on).
        transcriber: transcribes speech to text.
        turn_policy: voice activity detection, the end-of-turn estimate and the waits.
        word_lists: the phrases of spoken commands, the backchannels of listeners ("mhm"), and the
            lines that the bot says by itself.
        speculation: what may be done before it is certain that a turn is over.
        greeted: ids of the people whom the bot has greeted since its start.
        memory: carries out what people ask about the memory; ``None`` if there is no memory in this call.
        music: carries out what people ask aloud about music; ``None`` if there is no music in this call.
        ambience: plays the ambience of personas; ``None`` for none.
        manner_in: returns the speech parameters of a reply in a mood that the model has named; ``None`` for the usual
            ones.
        language: the language that people speak, as Whisper's code (``STT_LANGUAGE``); ``None`` if it is not set.
        voice_may_guess: returns whether the speech server may still speak speculative replies today.
    """

    character: LocalCharacter
    make_responder: Callable[[History, Callable[[], CallRoom]], Responder]
    make_speech_client: Callable[[Callable[[], Account]], SpeechClient]
    manner: Manner
    transcriber: Transcriber
    turn_policy: TurnPolicy
    word_lists: WordLists
    speculation: Speculation = WITHOUT_COSTS
    greeted: set[int] = field(default_factory=set)
    memory: MemoryKeeper | None = None
    manner_in: Callable[[str], SpeechParameters] | None = None
    music: SpokenMusicControl | None = None
    ambience: AmbiencePlayer | None = None
    language: str | None = None
    voice_may_guess: Callable[[], bool] = lambda: True

    @property
    def detector_policy(self) -> TurnPolicy:
        """The rules for the turn detectors. Calls with interim transcripts need the sound of turns more often."""
        return self.turn_policy.with_interims() if self.speculation.interims else self.turn_policy
