"""coqui-tts's XTTS model on a GPU or the CPU. Only one thread may use it. Import it through ``libraries``.

XTTS's own streaming decodes a segment again from its start for every piece, and crossfades at the seams. Here each
piece is decoded only once. The vocoder consists of convolutions, so a frame affects only the sound of a few frames
around it. A piece is decoded together with these few frames, and their sound is dropped. The joined pieces equal the
whole segment decoded at once.
"""

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
from typing_extensions import override

from audio.samples import Samples
from tts_server.engines.base import EngineError, OutOfMemoryError
from tts_server.engines.xtts.device import ModelDevice
from tts_server.engines.xtts.latents import Latents
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

# Lengths in sound tokens of 46 ms. The first piece is short, so that it is ready soon. The next pieces grow, because
# with every piece the vocoder also has to decode the frames around it.
_FIRST_PIECE = 8
_PIECE_GROWTH = 1.5
_MAX_PIECE = 32
# Speech has about 5 sound tokens for each text token. A model that produces many more is babbling.
# Speech is cut off after _BASE_SOUND_TOKENS sound tokens, and _SOUND_TOKENS_PER_TEXT_TOKEN more for each text token.
_BASE_SOUND_TOKENS = 60
_SOUND_TOKENS_PER_TEXT_TOKEN = 12
REACH_FRAMES = 14
"""Number of frames (of 256 samples) on either side that a frame affects in the vocoder. Measured: 13 to 14."""
_FULL_MEMORY = ("out of memory", "can't allocate memory", "ALLOC_FAILED")


class XttsModel:
    """XTTS v2, loaded. Its methods are CPU- or GPU-bound, and may raise ``EngineError`` and ``OutOfMemoryError``.

    Attributes:
        device: the device that it runs on.
        speakers: the latents of the built-in voices, by name.
    """

    def __init__(self, xtts: Xtts, device: ModelDevice) -> None:
        self.device = device
        self.speakers = _built_in(xtts)
        self._xtts = xtts
        self._tokenizer = xtts.tokenizer
        self._dtype = xtts.gpt.text_embedding.weight.dtype

    @property
    def channels(self) -> int:
        """The number of channels of a latent."""
        return int(self._xtts.gpt.model_dim)

    def learn(self, recordings: Sequence[Samples], rate: int, length: int | None, piece: int | None) -> Latents:
        """Compute the latents of a speaker.

        Args:
            recordings: mono samples.
            rate: their sample rate, in Hz.
            length, piece: as in :class:`LatentsKey`; ``None`` for the model's default values.
        """
        length, piece = self.recording_lengths(length, piece)
        longest = self._xtts.config.max_ref_len * rate
        with plain_errors(), torch.inference_mode():
            heard = [torch.from_numpy(recording[:longest].copy())[None] for recording in recordings]
            embeddings = [self._xtts.get_speaker_embedding(sound, rate) for sound in heard]
            conditioning = self._xtts.get_gpt_cond_latents(torch.cat(heard, dim=1), rate, length, piece)
            return Latents(_array(conditioning), _array(torch.stack(embeddings).mean(dim=0)))

    def recording_lengths(self, length: int | None, piece: int | None) -> tuple[int, int]:
        """Return ``length`` and ``piece`` of :class:`LatentsKey`, in seconds; ``None`` is the model's default value."""
        length = length or self._xtts.config.gpt_cond_len
        return length, min(piece or self._xtts.config.gpt_cond_chunk_len, length)

    def embedding(self, sound: Samples, rate: int) -> NDArray[np.float32]:
        """Return the speaker embedding of ``sound``, (512,), normalized to length 1."""
        with plain_errors(), torch.inference_mode():
            return _array(self._xtts.get_speaker_embedding(torch.from_numpy(sound.copy())[None], rate)).ravel()

    def speak(
        self, text: str, language: str, speaker: Latents, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, and yield its sound piece by piece. A set ``stop`` ends the speech before the next token.

        Raises:
            EngineError: there was no sound, or it contained values that are not numbers.
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
            raise EngineError(f"XTTS v2 needs one more library to speak {language!r}: {error}") from error
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
        """Yield the sound latents in pieces, each with a flag for the last one. After a stop there is no last piece."""
        steps = self._steps(tokens, speaker, parameters)
        limit = _BASE_SOUND_TOKENS + _SOUND_TOKENS_PER_TEXT_TOKEN * tokens.shape[1]
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
                    size = min(size * _PIECE_GROWTH, _MAX_PIECE)
                if number >= limit:
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
    """Raises an error if a score is not a number. Sampling from such scores on a GPU would crash CUDA for good."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    @override
    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if bool((torch.isnan(scores) | torch.isposinf(scores)).any()):
            raise _no_numbers(self._dtype)
        return scores


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn PyTorch's errors into engine errors with the first line of PyTorch's message."""
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


def _chosen(requested: Any, default: Any) -> Any:
    return default if requested is None else requested


class StreamingVocoder:
    """Decodes one segment's latents to sound, piece by piece.

    Args:
        decoder: coqui-tts's ``HifiDecoder``.
        speaker: the speaker embedding, (1, 512, 1), on the decoder's device.
        speed: the speed of speech; 1 is the model's own speed.
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
        """Take more latents, (1, channels) each, and return the samples that are final now, which may be none.

        With the ``last`` latents, all remaining samples are returned.
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
    """Interpolate linearly, as PyTorch's ``interpolate`` does.

    For few frames, the number of outputs may equal the number of inputs. PyTorch then copies the frames, and
    this function still interpolates.
    """
    known = frames.shape[-1]
    places = (torch.arange(math.floor(known * scale), device=frames.device) + 0.5) / scale - 0.5
    places = places.clamp(0, known - 1)
    before = places.floor().long()
    after = (before + 1).clamp(max=known - 1)
    return torch.lerp(frames[..., before], frames[..., after], places - before)


def _settled(inputs: int, scale: float) -> int:
    """Return the number of outputs of a linear interpolation that no further input can change."""
    return max(0, math.floor((inputs - 0.5) * scale - 0.5))
