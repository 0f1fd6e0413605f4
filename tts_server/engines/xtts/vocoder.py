"""From the language model's latents to sound, piece by piece, each sample computed once.

XTTS's own streaming decodes a segment again from its start for every piece, and fades the seams. But its vocoder
is convolutions, which hear only so far, so a piece can be cut from a window with enough around it. Put together, the
pieces are what one decoding of the whole gives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

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
