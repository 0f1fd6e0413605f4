"""One of Piper's voices, loaded: text in, sound out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.piper.network import Network, Utterance
from tts_server.engines.piper.voice_files import VoiceFile

MOST_PHONEMES = 400
"""Said at once, some 30 s of speech; of a longer sentence, the words that come later are said later."""
SENTENCE_PAUSE = 0.15
"""Seconds, after a sentence: the network's own ends are as short as those of clauses."""
ROUNDED_UP = 0.3
"""Of a clause's length at the usual speed: each phoneme's is rounded up to a column, whatever the speed."""
_SHORTEST_SCALE = 0.1
_SENTENCE_ENDS = frozenset(".!?…。！？")
_PROBE_PHONEMES = 30

_log = logging.getLogger(__name__)


class LoadedVoice:
    """For one thread at a time.

    Raises:
        EngineError: it can't be loaded; the text says why.
    """

    def __init__(self, file: VoiceFile, threads: int) -> None:
        self.rate = file.description.audio.sample_rate
        self._file = file
        self._inference = file.description.inference
        # Of Piper's own class, what makes phonemes of text: its network is run by us.
        self._phonemes = PiperVoice(None, PiperConfig.from_dict(file.raw), download_dir=Path())
        letters = [phoneme for phoneme in file.description.phoneme_id_map if phoneme.isalpha()]
        self._network = Network(file.model, threads, self.rate, self._utterance(letters[:_PROBE_PHONEMES], None, 1.0))

    def speak(self, text: str, speaker: int | None, speed: float, options: onnxruntime.RunOptions) -> Iterator[Samples]:
        """Speak ``text``; ``speaker`` by number, of several.

        ``options.terminate`` ends it soon, with an error of ONNX Runtime's.

        Raises:
            EngineError: Piper can't read this text.
        """
        for sentence in self._sentences(text):
            # Of marks alone a network makes a noise.
            if not any(map(str.isalpha, sentence)):
                continue
            for phonemes in _parts(sentence):
                yield from self._network.speak(self._utterance(phonemes, speaker, speed), options)
            if sentence[-1] in _SENTENCE_ENDS:
                yield np.zeros(round(SENTENCE_PAUSE * self.rate), np.float32)

    def _sentences(self, text: str) -> list[list[str]]:
        # Control characters are commands to espeak-ng, and what stands in double brackets is no text to Piper.
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

    def _utterance(self, phonemes: Sequence[str], speaker: int | None, speed: float) -> Utterance:
        several = self._file.description.num_speakers > 1
        who = self._file.description.default_speaker_id if speaker is None else speaker
        scales = (self._inference.noise_scale, self._inference.length_scale * scale_for(speed), self._inference.noise_w)
        return Utterance(self._tokens(phonemes), who if several else None, scales)

    def _tokens(self, phonemes: Sequence[str]) -> list[int]:
        if self._file.description.phoneme_type != "pinyin":
            known = self._file.description.phoneme_id_map
            unknown = {phoneme for phoneme in phonemes if phoneme not in known}
            if unknown:
                _log.debug("%s has no sound for %s", self._file.name, " ".join(sorted(unknown)))
                phonemes = [phoneme for phoneme in phonemes if phoneme in known]
        return self._phonemes.phonemes_to_ids(list(phonemes))


def scale_for(speed: float) -> float:
    """What Piper's own ``length_scale`` is multiplied by, for speech that is ``speed`` times as fast; measured."""
    return max(_SHORTEST_SCALE, (1 / speed - ROUNDED_UP) / (1 - ROUNDED_UP))


def _parts(phonemes: Sequence[str]) -> Iterator[Sequence[str]]:
    """A sentence, in as few parts as may be said at once, parted between words."""
    rest = phonemes
    while len(rest) > MOST_PHONEMES:
        blanks = [place for place in range(1, MOST_PHONEMES) if rest[place] == " "]
        end = blanks[-1] if blanks else MOST_PHONEMES
        yield rest[:end]
        rest = rest[end:]
    if rest:
        yield rest
