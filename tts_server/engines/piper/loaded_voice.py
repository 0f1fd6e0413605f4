"""One of Piper's voices, loaded into memory: it turns text into phonemes, and phonemes into sound."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.piper.network import Network, NetworkInput
from tts_server.engines.piper.voice_files import VoiceFile

MAX_PHONEMES = 400
"""Largest number of phonemes in one run of the network: about 30 s of speech. Longer sentences are split."""
SENTENCE_PAUSE = 0.15
"""Silence after a sentence, in seconds. The network's own pause after a sentence is as short as after a clause."""
ROUNDED_UP = 0.3
"""Share of a clause's length that comes from rounding, and so does not depend on the speed.

The network rounds each phoneme's length up to a whole frame.
"""
_SHORTEST_SCALE = 0.1
_SENTENCE_ENDS = frozenset(".!?…。！？")
_PROBE_PHONEMES = 30

_log = logging.getLogger(__name__)


class LoadedVoice:
    """A voice with its network in memory. It is not thread-safe.

    Attributes:
        rate: the sample rate of its sound, in Hz.

    Args:
        file: the voice on the disk.
        threads: the number of threads that compute one text.

    Raises:
        EngineError: the voice can't be loaded; the message says why.
    """

    def __init__(self, file: VoiceFile, threads: int) -> None:
        self.rate = file.description.audio.sample_rate
        self._file = file
        self._inference = file.description.inference
        # Piper's own class only turns text into phonemes. This module runs the network itself.
        self._phonemes = PiperVoice(None, PiperConfig.from_dict(file.raw), download_dir=Path())
        letters = [phoneme for phoneme in file.description.phoneme_id_map if phoneme.isalpha()]
        probe = self._network_input(letters[:_PROBE_PHONEMES], None, 1.0)
        self._network = Network(file.model, threads, self.rate, probe)

    def speak(self, text: str, speaker: int | None, speed: float, options: onnxruntime.RunOptions) -> Iterator[Samples]:
        """Speak ``text``, and yield mono samples, nominally -1 to 1, piece by piece.

        Args:
            text: any text.
            speaker: the speaker's number; ``None`` for the default, or if the voice has only one speaker.
            speed: factor; 1 is the voice's own speed.
            options: soon after ``options.terminate`` is set, the run ends with one of ONNX Runtime's errors.

        Raises:
            EngineError: Piper can't read this text.
        """
        for sentence in self._sentences(text):
            # A network makes noise from punctuation alone.
            if not any(map(str.isalpha, sentence)):
                continue
            for phonemes in _parts(sentence):
                yield from self._network.speak(self._network_input(phonemes, speaker, speed), options)
            if sentence[-1] in _SENTENCE_ENDS:
                yield np.zeros(round(SENTENCE_PAUSE * self.rate), np.float32)

    def _sentences(self, text: str) -> list[list[str]]:
        # espeak-ng reads control characters as commands, and Piper reads text in double brackets as phonemes.
        plain = "".join(char if char.isprintable() else " " for char in text).replace("[[", "[").replace("]]", "]")
        try:
            return self._phonemes.phonemize(plain)
        except ImportError as error:
            raise EngineError(
                f"piper's voice {self._file.name} needs a package that is not installed ({error.name}) for its "
                f"{self._file.description.phoneme_type} letters"
            ) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineError(f"piper's voice {self._file.name} can't read the text: {error}") from error

    def _network_input(self, phonemes: Sequence[str], speaker: int | None, speed: float) -> NetworkInput:
        several = self._file.description.num_speakers > 1
        who = self._file.description.default_speaker_id if speaker is None else speaker
        scales = (self._inference.noise_scale, self._inference.length_scale * scale_for(speed), self._inference.noise_w)
        return NetworkInput(self._tokens(phonemes), who if several else None, scales)

    def _tokens(self, phonemes: Sequence[str]) -> list[int]:
        if self._file.description.phoneme_type != "pinyin":
            known = self._file.description.phoneme_id_map
            unknown = {phoneme for phoneme in phonemes if phoneme not in known}
            if unknown:
                _log.debug("%s has no sound for %s", self._file.name, " ".join(sorted(unknown)))
                phonemes = [phoneme for phoneme in phonemes if phoneme in known]
        return self._phonemes.phonemes_to_ids(list(phonemes))


def scale_for(speed: float) -> float:
    """Return the factor for Piper's ``length_scale`` that makes speech ``speed`` times as fast (found by measuring)."""
    return max(_SHORTEST_SCALE, (1 / speed - ROUNDED_UP) / (1 - ROUNDED_UP))


def _parts(phonemes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split a sentence's phonemes into parts of at most :data:`MAX_PHONEMES`, between words if possible."""
    rest = phonemes
    while len(rest) > MAX_PHONEMES:
        blanks = [place for place in range(1, MAX_PHONEMES) if rest[place] == " "]
        end = blanks[-1] if blanks else MAX_PHONEMES
        yield rest[:end]
        rest = rest[end:]
    if rest:
        yield rest
