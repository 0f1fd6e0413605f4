"""Latents of each voice for the loaded model: computed from recordings, cached in memory and stored on the disk."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audio.samples import Samples
from tts_server.engines.base import EngineError, Voice
from tts_server.engines.xtts.checkpoint import Checkpoint
from tts_server.engines.xtts.latents import Latents, LatentsFolder, LatentsKey
from tts_server.engines.xtts.voice_list import VoiceList
from tts_server.voices.decoding import RATE, RecordingRefusedError, decode
from tts_server.voices.profile import VoiceProfile, VoiceProfileStore, preview_sentence
from wire.parameters import SpeechParameters

if TYPE_CHECKING:
    from tts_server.engines.xtts.model import XttsModel


class LearnedVoices:
    """The voices that the loaded model has learned. Only the model's thread may use it, except for :meth:`forget`.

    Args:
        model: the loaded model.
        checkpoint: the weights that it was loaded from.
        profiles: the voices that people have made.
        voices: all voices, including the built-in ones.
        kept: the latents on the disk.
    """

    def __init__(
        self,
        model: XttsModel,
        checkpoint: Checkpoint,
        profiles: VoiceProfileStore,
        voices: VoiceList,
        kept: LatentsFolder,
    ) -> None:
        self._model = model
        self._checkpoint = checkpoint
        self._profiles = profiles
        self._voices = voices
        self._kept = kept
        self._known: dict[LatentsKey, Latents] = {}

    def latents(self, voice: Voice, parameters: SpeechParameters) -> Latents:
        """Return the latents of a voice; they are computed now if this has not been done before.

        Raises:
            EngineError: the voice no longer exists, or its recordings can't be read.
        """
        profile = self._profiles.get(voice.id)
        if profile is not None:
            return self._of_profile(profile, parameters.gpt_cond_len, parameters.gpt_cond_chunk_len)
        name = self._voices.built_in_name(voice.id)
        if name is None or name not in self._model.speakers:
            raise EngineError(f"the voice {voice.name!r} is gone")
        return self._model.speakers[name]

    def likeness(self, profile: VoiceProfile) -> float:
        """Return the clone's likeness: the cosine similarity of the embeddings of its speech and its recordings."""
        latents = self._of_profile(profile, None, None)
        language = self._voices.language_for(profile.language)
        sentence = preview_sentence(language)
        pieces = self._model.speak(sentence, language, latents, SpeechParameters(), threading.Event())
        spoken = self._model.embedding(np.concatenate(list(pieces)), self._checkpoint.sample_rate)
        recorded = latents.speaker.ravel()
        return float(spoken @ recorded / (np.linalg.norm(spoken) * np.linalg.norm(recorded)))

    def forget(self, voice: str) -> None:
        """Delete the voice with this id from the cache in memory. Any thread may call it."""
        for key in [key for key in tuple(self._known) if key.voice == voice]:
            self._known.pop(key, None)

    def _of_profile(self, profile: VoiceProfile, length: int | None, piece: int | None) -> Latents:
        length, piece = self._model.recording_lengths(length, piece)
        key = LatentsKey(profile.id, profile.digest, self._checkpoint.digest, length, piece)
        latents = self._known.get(key) or self._kept.get(key, self._model.channels)
        if latents is None:
            latents = self._model.learn([_read(profile, path) for path in profile.recordings], RATE, length, piece)
            self._kept.put(key, latents)
        self.forget(profile.id)
        self._known[key] = latents
        return latents


def _read(profile: VoiceProfile, path: Path) -> Samples:
    try:
        return decode(path)
    except (OSError, RecordingRefusedError) as error:
        raise EngineError(f"a recording of the voice {profile.name!r} can't be read: {error}") from error
