"""The model itself: coqui-tts's XTTS on a card or the processor. Used from one thread; import it by ``libraries``."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LogitsProcessor, LogitsProcessorList
from TTS.tts.models.xtts import Xtts

from audio.samples import Samples
from tts_server.engines.base import EngineError, OutOfMemoryError
from tts_server.engines.xtts.device import ModelDevice
from tts_server.engines.xtts.latents import Latents
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

# A token of sound lasts 46 ms. The first piece is short, so that it is there soon; the next ones grow, since each costs
# the vocoder some extra.
_FIRST_PIECE = 8
_PIECE_GROWTH = 1.5
_LONGEST_PIECE = 32
# Speech has about 5 tokens of sound to one of text. A model that goes on far beyond that babbles.
_MOST_TO_BEGIN_WITH = 60
_MOST_PER_TEXT_TOKEN = 12
_FULL_MEMORY = ("out of memory", "can't allocate memory", "ALLOC_FAILED")


class XttsModel:
    """XTTS v2, loaded. What computes blocks meanwhile, and may raise ``EngineError`` and ``OutOfMemoryError``."""

    def __init__(self, xtts: Xtts, device: ModelDevice) -> None:
        self.device = device
        self.speakers = _built_in(xtts)
        self._xtts = xtts
        self._tokenizer = xtts.tokenizer
        self._dtype = xtts.gpt.text_embedding.weight.dtype

    @property
    def channels(self) -> int:
        """How many numbers a latent has."""
        return int(self._xtts.gpt.model_dim)

    def learn(self, recordings: Sequence[Samples], rate: int, length: int | None, piece: int | None) -> Latents:
        """Learn a speaker from recordings, at ``rate`` Hz; ``length`` and ``piece`` as in :class:`LatentsKey`."""
        length, piece = self.listening(length, piece)
        longest = self._xtts.config.max_ref_len * rate
        with plain_errors(), torch.inference_mode():
            heard = [torch.from_numpy(recording[:longest].copy())[None] for recording in recordings]
            embeddings = [self._xtts.get_speaker_embedding(sound, rate) for sound in heard]
            conditioning = self._xtts.get_gpt_cond_latents(torch.cat(heard, dim=1), rate, length, piece)
            return Latents(_array(conditioning), _array(torch.stack(embeddings).mean(dim=0)))

    def listening(self, length: int | None, piece: int | None) -> tuple[int, int]:
        """How many seconds of recording are listened to, and in pieces of how many, where so much is asked for."""
        length = length or self._xtts.config.gpt_cond_len
        return length, min(piece or self._xtts.config.gpt_cond_chunk_len, length)

    def recognise(self, sound: Samples, rate: int) -> NDArray[np.float32]:
        """The embedding of whoever speaks in ``sound``, of length 1."""
        with plain_errors(), torch.inference_mode():
            return _array(self._xtts.get_speaker_embedding(torch.from_numpy(sound.copy())[None], rate)).ravel()

    def speak(
        self, text: str, language: str, speaker: Latents, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, piece by piece; ends before the next token once ``stop`` is set.

        Raises:
            EngineError: nothing came of it, or what came are no numbers.
        """
        with plain_errors(), torch.inference_mode():
            tokens = self._tokens(text, language)
            voice = torch.from_numpy(speaker.speaker).to(self.device.torch_name)
            vocoder = StreamingVocoder(self._xtts.hifigan_decoder, voice, parameters.speed or 1.0)
            silent = True
            for latents, last in self._pieces(tokens, speaker, parameters, stop):
                sound = _checked(vocoder.decode(latents, last), self._dtype)
                if sound.size:
                    silent = False
                    yield sound
            if silent and not stop.is_set():
                raise EngineError(f"XTTS v2 made no sound for {text!r}")

    def _tokens(self, text: str, language: str) -> torch.Tensor:
        try:
            tokens = self._tokenizer.encode(text.strip().lower(), lang=language)
        except ImportError as error:
            raise EngineError(f"XTTS v2 needs a library more to speak {language!r}: {error}") from error
        except (NotImplementedError, KeyError) as error:
            raise EngineError(f"XTTS v2 can't read {text!r} in {language!r}") from error
        unspoken = {self._tokenizer.tokenizer.token_to_id(name) for name in ("[UNK]", "[SPACE]", f"[{language}]")}
        if not set(tokens) - unspoken:
            raise EngineError(f"XTTS v2 finds nothing in {text!r} that can be spoken")
        if len(tokens) >= self._xtts.args.gpt_max_text_tokens:
            raise EngineError(f"{len(text)} characters are too many for XTTS v2 to speak at once")
        return torch.tensor([tokens], dtype=torch.int32, device=self.device.torch_name)

    def _pieces(
        self, tokens: torch.Tensor, speaker: Latents, parameters: SpeechParameters, stop: threading.Event
    ) -> Iterator[tuple[list[torch.Tensor], bool]]:
        """The segment's latents, and whether they are the last; ends early without a last piece when stopped."""
        steps = self._steps(tokens, speaker, parameters)
        most = _MOST_TO_BEGIN_WITH + _MOST_PER_TEXT_TOKEN * tokens.shape[1]
        size = float(_FIRST_PIECE)
        piece: list[torch.Tensor] = []
        try:
            for number, (_, latent) in enumerate(steps):
                if stop.is_set():
                    return
                piece.append(latent.float())
                if len(piece) >= size:
                    yield piece, False
                    piece = []
                    size = min(size * _PIECE_GROWTH, _LONGEST_PIECE)
                if number >= most:
                    _log.warning("XTTS v2 did not stop by itself and was cut off after %d tokens", number)
                    break
        finally:
            steps.close()
        yield piece, True

    def _steps(
        self, tokens: torch.Tensor, speaker: Latents, parameters: SpeechParameters
    ) -> Generator[Any, None, None]:
        config = self._xtts.config
        conditioning = torch.from_numpy(speaker.conditioning).to(self.device.torch_name, self._dtype)
        steps: Generator[Any, None, None] = self._xtts.gpt.get_generator(
            fake_inputs=self._xtts.gpt.compute_embeddings(conditioning, tokens),
            do_sample=True,
            temperature=_chosen(parameters.temperature, config.temperature),
            repetition_penalty=float(_chosen(parameters.repetition_penalty, config.repetition_penalty)),
            top_k=_chosen(parameters.top_k, config.top_k),
            top_p=_chosen(parameters.top_p, config.top_p),
            length_penalty=float(config.length_penalty),
            logits_processor=LogitsProcessorList([_OnlyNumbers(self._dtype)]),
            num_beams=1,
            num_return_sequences=1,
            output_attentions=False,
            output_hidden_states=True,
            return_dict_in_generate=True,
        )
        return steps


class _OnlyNumbers(LogitsProcessor):  # type: ignore[misc]  # PyTorch's types are left out, see pyproject.toml
    """Stops before a draw among what are no numbers, which on a card would take CUDA down for the whole process."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if bool((torch.isnan(scores) | torch.isposinf(scores)).any()):
            raise _no_numbers(self._dtype)
        return scores


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn PyTorch's errors into the server's; the text is the first line of what PyTorch says."""
    try:
        yield
    except EngineError:
        raise
    except (RuntimeError, MemoryError) as error:
        text = str(error)
        full = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(sign in text for sign in _FULL_MEMORY)
        kind = OutOfMemoryError if full else EngineError
        line = text.strip().partition("\n")[0]
        raise kind(f"XTTS v2 has run out of memory: {line}" if full else f"XTTS v2 failed: {line}") from None


def _built_in(xtts: Xtts) -> dict[str, Latents]:
    manager = xtts.speaker_manager
    return {
        str(name): Latents(_array(speaker["gpt_cond_latent"]), _array(speaker["speaker_embedding"]))
        for name, speaker in (manager.speakers if manager else {}).items()
    }


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def _checked(sound: torch.Tensor, dtype: torch.dtype) -> Samples:
    samples = _array(sound)
    if not np.isfinite(samples).all():
        raise _no_numbers(dtype)
    return np.clip(samples, -1.0, 1.0)


def _no_numbers(dtype: torch.dtype) -> EngineError:
    advice = "the weights may be damaged" if dtype is torch.float32 else "TTS_PRECISION=float32 may help"
    return EngineError(f"XTTS v2 computed values that are not numbers (NaN): {advice}")


def _chosen(asked: Any, usual: Any) -> Any:
    return usual if asked is None else asked


# Measured: a frame of 256 samples is heard 13 to 14 frames to either side.
REACH_FRAMES = 14


class StreamingVocoder:
    """Decodes one segment.

    Args:
        decoder: coqui's ``HifiDecoder``.
        speaker: (1, 512, 1), on the decoder's device.
        speed: how much faster than it comes.
    """

    def __init__(self, decoder: torch.nn.Module, speaker: torch.Tensor, speed: float) -> None:
        self._decoder = decoder
        self._speaker = speaker
        upsampling = decoder.ar_mel_length_compression / decoder.output_hop_length
        resampling = decoder.output_sample_rate / decoder.input_sample_rate
        self._scales = tuple(scale for scale in (1 / speed, upsampling, resampling) if scale != 1)
        self._latents: list[torch.Tensor] = []
        self._decoded = 0

    def decode(self, latents: Sequence[torch.Tensor], last: bool) -> torch.Tensor:
        """The samples that no latent to come can change, none perhaps; with the ``last`` latents all that are left.

        Latents are (1, channels) each.
        """
        self._latents += latents
        frames = torch.cat(self._latents)[None].transpose(1, 2)
        settled = len(self._latents)
        for scale in self._scales:
            frames = _interpolated(frames, scale)
            settled = _settled(settled, scale)
        known = frames.shape[-1] if last else settled
        end = known if last else known - REACH_FRAMES
        start = self._decoded
        if end <= start:
            return frames.new_empty(0)
        self._decoded = end
        first = max(0, start - REACH_FRAMES)
        sound = self._decoder.waveform_decoder(frames[:, :, first:known], g=self._speaker)
        hop = self._decoder.output_hop_length
        return sound[0, 0, (start - first) * hop : (end - first) * hop]


def _interpolated(frames: torch.Tensor, scale: float) -> torch.Tensor:
    """As PyTorch's ``interpolate`` does it, but for few frames too, which that leaves as they are."""
    known = frames.shape[-1]
    places = (torch.arange(math.floor(known * scale), device=frames.device) + 0.5) / scale - 0.5
    places = places.clamp(0, known - 1)
    before = places.floor().long()
    after = (before + 1).clamp(max=known - 1)
    return torch.lerp(frames[..., before], frames[..., after], places - before)


def _settled(inputs: int, scale: float) -> int:
    """How many outputs of a linear interpolation no further input can change."""
    return max(0, math.floor((inputs - 0.5) * scale - 0.5))
