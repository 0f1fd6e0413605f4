"""Makes XTTS checkpoints with random weights, which XTTS's own code loads like real ones.

They speak no language. Each text gets a sound of a given length. The samples of one voice are all above zero, those of
the other all below, so that any sample shows which voice it is. Tests use the tiny size. The full size is as slow as
real weights.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from tts_server.engines.xtts.checkpoint import CONFIG, SPEAKERS, VOCABULARY, WEIGHTS
from tts_server.engines.xtts.libraries import import_loading

HIGH, LOW = "High Side", "Low Side"
"""The built-in voices. All samples of the first are above zero, all of the second below."""
TOKENS_PER_SECOND = 22_050 / 1024
_LETTERS = string.ascii_lowercase + string.digits + ".,!?'-:;()äöüßéèêáíóúñçабвгдежзийклмнопрстуфхцчшщъыьэюяё"
_FULL_TEXT_TOKENS = 6681
_SIDE = 6.0
_SEED = 20


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the language model. The vocoder always has its full size."""

    layers: int
    channels: int
    heads: int
    text_tokens: int
    audio_tokens: int


TINY = Size(layers=2, channels=64, heads=2, text_tokens=0, audio_tokens=258)
FULL = Size(layers=30, channels=1024, heads=16, text_tokens=_FULL_TEXT_TOKENS, audio_tokens=1026)


def make_random_xtts(folder: Path, size: Size, tokens: int) -> None:
    """Write a checkpoint that speaks every text as ``tokens`` tokens of sound, 46 ms each. Blocks for seconds.

    Raises:
        EngineError: XTTS's libraries are not installed.
    """
    import_loading()
    import torch
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(_SEED)
    config = XttsConfig()
    _write_vocabulary(folder / VOCABULARY, config.languages, size.text_tokens)
    arguments = config.model_args
    arguments.gpt_use_perceiver_resampler = True
    arguments.gpt_layers, arguments.gpt_n_heads = size.layers, size.heads
    arguments.gpt_n_model_channels = arguments.decoder_input_dim = size.channels
    arguments.gpt_num_audio_tokens = size.audio_tokens
    arguments.gpt_start_audio_token, arguments.gpt_stop_audio_token = size.audio_tokens - 2, size.audio_tokens - 1
    config.save_json(str(folder / CONFIG))
    xtts = Xtts(config)
    xtts.tokenizer = VoiceBpeTokenizer(vocab_file=str(folder / VOCABULARY))
    xtts.init_models()
    with torch.no_grad():
        _end_after(xtts.gpt, tokens, arguments.gpt_stop_audio_token)
        _set_sample_signs(xtts.hifigan_decoder.waveform_decoder)
    torch.save({"model": xtts.state_dict()}, folder / WEIGHTS)
    torch.save({HIGH: _speaker(size, 1.0), LOW: _speaker(size, -1.0)}, folder / SPEAKERS)


def _write_vocabulary(path: Path, languages: list[str], size: int) -> None:
    special = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{language}]" for language in languages), "[START]"]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys([*special, *_LETTERS]))}
    vocabulary |= {f"<{number}>": number for number in range(len(vocabulary), size)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.save(str(path))


def _end_after(gpt: Any, tokens: int, stop: int) -> None:
    """Make the stop token the most likely one from position ``tokens`` on.

    The embeddings of these positions get a common direction, and the stop token's output weights the same one.
    """
    import torch

    direction = torch.randn(gpt.model_dim)
    direction -= direction.mean()
    direction /= direction.norm()
    gpt.mel_pos_embedding.emb.weight[tokens:] += 100 * direction
    gpt.mel_head.weight[stop] = 40 * direction
    gpt.mel_head.bias[stop] = -200


def _set_sample_signs(vocoder: Any) -> None:
    """Make a voice's samples all positive or all negative.

    Half of the last layer's channels raise a sample, half lower it. The first number of the speaker's embedding decides
    which half is active.
    """
    import torch

    last = vocoder.num_upsamples - 1
    for block in vocoder.resblocks[last * vocoder.num_kernels :]:
        for convolution in block.convs2:
            convolution.parametrizations.weight.original0.zero_()
            convolution.bias.zero_()
    channels = vocoder.conv_post.weight.shape[1]
    sides = torch.ones(channels)
    sides[channels // 2 :] = -1
    vocoder.conv_post.weight.copy_(0.002 * sides[None, :, None].expand_as(vocoder.conv_post.weight))
    vocoder.conds[last].weight[:, 0, 0] = _SIDE * sides


def _speaker(size: Size, side: float) -> dict[str, Any]:
    import torch

    embedding = torch.zeros(1, 512, 1)
    embedding[0, 0, 0] = side
    return {"gpt_cond_latent": torch.randn(1, 32, size.channels) * 0.1, "speaker_embedding": embedding}
