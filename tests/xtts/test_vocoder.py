"""XTTS's vocoder makes the same samples whether it decodes in pieces or all at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.xtts.speaking import skip_without_libraries
from tts_server.engines.xtts.libraries import import_loading

skip_without_libraries()

CHANNELS = 16


@pytest.fixture(scope="module")
def decoder() -> Any:
    """XTTS's vocoder with fewer channels. A frame affects the same number of frames around it as in the full one."""
    import_loading()
    import torch
    from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder

    torch.manual_seed(3)
    return HifiDecoder(decoder_input_dim=CHANNELS, upsample_initial_channel_decoder=32).eval()


@pytest.mark.parametrize("speed", [0.5, 0.93, 1.0, 1.1, 2.0])
@pytest.mark.parametrize("sizes", [(8, 12, 18, 2), (1, 1, 1, 1, 30), (40,), (5,) * 8, (39, 1), (20, 0)])
def test_the_joined_pieces_are_the_whole(decoder: Any, speed: float, sizes: tuple[int, ...]) -> None:
    import torch
    from torch.nn import functional

    from tts_server.engines.xtts.model import StreamingVocoder

    latents = [100 * torch.randn(1, CHANNELS) for _ in range(sum(sizes))]
    speaker = functional.normalize(torch.randn(1, 512, 1), dim=1)
    with torch.inference_mode():
        whole = torch.cat(latents)[None]
        if speed != 1:
            whole = functional.interpolate(whole.transpose(1, 2), scale_factor=1 / speed, mode="linear").transpose(1, 2)
        at_once = decoder(whole, g=speaker)[0, 0]
        vocoder = StreamingVocoder(decoder, speaker, speed)
        pieces = []
        for number, size in enumerate(sizes, start=1):
            pieces.append(vocoder.decode(latents[:size], last=number == len(sizes)))
            latents = latents[size:]
        in_pieces = torch.cat(pieces)
    assert in_pieces.shape == at_once.shape
    assert (in_pieces - at_once).abs().max() < 1e-3 * at_once.std()
