"""How each voice sounds to the loaded model: learnt from recordings, remembered, and kept on the disk."""

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
from tts_server.voices.profile import Profiles, VoiceProfile, preview_sentence
from wire.parameters import SpeechParameters

if TYPE_CHECKING:
    from tts_server.engines.xtts.model import XttsModel


class LearnedVoices:
    """Belongs to the model's thread, but for :meth:`forget`.

    Args:
        model: loaded.
        checkpoint: what it was loaded from.
        profiles: the voices that people made.
        speakers: which voices the model itself has.
        kept: what was learnt before.
    """

    def __init__(
        self, model: XttsModel, checkpoint: Checkpoint, profiles: Profiles, speakers: VoiceList, kept: LatentsFolder
    ) -> None:
        self._model = model
        self._checkpoint = checkpoint
        self._profiles = profiles
        self._speakers = speakers
        self._kept = kept
        self._known: dict[LatentsKey, Latents] = {}

    def latents(self, voice: Voice, parameters: SpeechParameters) -> Latents:
        """What to speak with as ``voice``; a person's is learnt now if it was not before.

        Raises:
            EngineError: the voice is gone, or its recordings can't be read.
        """
        profile = self._profiles.get(voice.id)
        if profile is not None:
            return self._of_profile(profile, parameters.gpt_cond_len, parameters.gpt_cond_chunk_len)
        name = self._speakers.built_in_name(voice.id)
        if name is None or name not in self._model.speakers:
            raise EngineError(f"the voice {voice.name!r} is gone")
        return self._model.speakers[name]

    def likeness(self, profile: VoiceProfile) -> float:
        """The cosine similarity of who speaks in the recordings to who is heard when the model speaks as them."""
        latents = self._of_profile(profile, None, None)
        language = self._speakers.language_for(profile.language)
        sentence = preview_sentence(language)
        pieces = self._model.speak(sentence, language, latents, SpeechParameters(), threading.Event())
        spoken = self._model.recognise(np.concatenate(list(pieces)), self._checkpoint.sample_rate)
        recorded = latents.speaker.ravel()
        return float(spoken @ recorded / (np.linalg.norm(spoken) * np.linalg.norm(recorded)))

    def forget(self, voice: str) -> None:
        """Forget the voice with this id. May be called on any thread."""
        for key in [key for key in tuple(self._known) if key.voice == voice]:
            self._known.pop(key, None)

    def _of_profile(self, profile: VoiceProfile, length: int | None, piece: int | None) -> Latents:
        length, piece = self._model.listening(length, piece)
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
