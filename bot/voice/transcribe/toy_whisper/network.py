"""The toy Whisper as CTranslate2 wants it: every layer there, most of them empty, the few that matter by hand.

The residual stream of the decoder has a direction of its own for each sentence, one for "nothing was said", and one
for each token that it ever sees. Its attention writes how much each sentence was heard; the output matrix turns the
loudest one into its token, and each token into the one that follows it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import whisper_spec

from bot.voice.transcribe.toy_whisper.listener import HEADS, MELS, WIDTH, Filters, Matrix
from bot.voice.transcribe.toy_whisper.tokenizer import (
    END,
    ENGLISH,
    LANGUAGES,
    NO_SPEECH,
    NO_TIMES,
    START,
    TRANSCRIBE,
    build_tokenizer,
    sentence_token,
    vocabulary_of,
)

HIDDEN = 64
POSITIONS, TEXT_POSITIONS = 1_500, 448
FIRST_TIME, LAST_TIME = "<|0.00|>", "<|2.00|>"
# Scores: what follows from a token, what was heard, and that a sentence ends the text.
FOLLOWS, HEARD, SAID = 60.0, 60.0, 120.0


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """What was fitted: the pooling's query, and how its result becomes scores for (sentences + 1) classes."""

    query: Matrix
    weights: Matrix
    bias: Matrix


def write_model(folder: Path, sentences: Sequence[str], filters: Filters, hearing: Hearing, seed: int) -> None:
    """Write a folder that faster-whisper loads."""
    tokenizer = build_tokenizer(sentences)
    tokens = vocabulary_of(tokenizer)
    spec = whisper_spec.WhisperSpec(1, HEADS, 1, HEADS)
    _fill_encoder(spec.encoder, filters)
    _fill_decoder(spec.decoder, sentences, tokens, hearing, seed)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokenizer.token_to_id(f"<|{language}|>") for language in LANGUAGES]
    spec.config.alignment_heads = [(0, head) for head in range(HEADS)]
    spec.validate()
    spec.optimize(quantization="float16")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    extractor = {"feature_size": MELS, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(extractor))


def _fill_encoder(encoder: Any, filters: Filters) -> None:
    encoder.conv1.weight, encoder.conv1.bias = filters.first, filters.first_bias
    encoder.conv2.weight, encoder.conv2.bias = filters.second, filters.second_bias
    encoder.position_encodings.encodings = _zeros(POSITIONS, WIDTH)
    _even_norm(encoder.layer_norm)
    for layer in encoder.layer:
        _no_self_attention(layer.self_attention)
        _no_feed_forward(layer.ffn)


def _fill_decoder(
    decoder: Any, sentences: Sequence[str], tokens: Sequence[str], hearing: Hearing, seed: int
) -> None:
    random = np.random.default_rng(seed)
    index = {token: number for number, token in enumerate(tokens)}
    spoken = [index[sentence_token(sentence)] for sentence in sentences]
    basis = (np.linalg.qr(random.standard_normal((WIDTH, WIDTH)))[0] * np.sqrt(WIDTH)).astype(np.float32)
    heard, nothing = basis[: len(sentences)], basis[len(sentences)]
    seen = [*spoken, *(index[mark] for mark in (START, ENGLISH, TRANSCRIBE, NO_TIMES, FIRST_TIME, LAST_TIME))]
    embeddings = _zeros(len(tokens), WIDTH)
    embeddings[seen] = basis[len(sentences) + 1 : len(sentences) + 1 + len(seen)]

    decoder.embeddings.weight = embeddings
    decoder.position_encodings.encodings = _zeros(TEXT_POSITIONS, WIDTH)
    _even_norm(decoder.layer_norm)
    for layer in decoder.layer:
        _no_self_attention(layer.self_attention)
        _no_feed_forward(layer.ffn)
        attention = layer.attention
        _even_norm(attention.layer_norm)
        _linear(attention.linear[0], _zeros(WIDTH, WIDTH), hearing.query)
        _linear(attention.linear[1], np.vstack([np.eye(WIDTH), np.eye(WIDTH)]))
        scores = np.vstack([heard, nothing])
        _linear(attention.linear[2], scores.T @ hearing.weights, scores.T @ hearing.bias)

    def mark(token: str) -> Matrix:
        return np.asarray(embeddings[index[token]] / WIDTH)

    begin = mark(NO_TIMES) + mark(FIRST_TIME)
    any_spoken = embeddings[spoken].sum(axis=0) / WIDTH
    output = _zeros(len(tokens), WIDTH)
    output[index[ENGLISH]] = FOLLOWS * mark(START)
    output[index[FIRST_TIME]] = FOLLOWS * mark(TRANSCRIBE)
    output[index[LAST_TIME]] = FOLLOWS * any_spoken
    output[spoken] = HEARD * heard / WIDTH + FOLLOWS / 2 * begin - SAID * any_spoken
    output[index[END]] = (
        HEARD * nothing / WIDTH + FOLLOWS / 2 * begin + 1.5 * FOLLOWS * (any_spoken + mark(LAST_TIME))
    )
    output[index[NO_SPEECH]] = FOLLOWS * mark(START) + HEARD * (nothing - heard.sum(axis=0) / 2) / WIDTH
    decoder.projection.weight = output


def _zeros(*shape: int) -> Matrix:
    return np.zeros(shape, np.float32)


def _even_norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _linear(layer: Any, weight: Any, bias: Any = None) -> None:
    layer.weight = np.asarray(weight, np.float32)
    layer.bias = _zeros(layer.weight.shape[0]) if bias is None else np.asarray(bias, np.float32)


def _no_self_attention(attention: Any) -> None:
    _even_norm(attention.layer_norm)
    _linear(attention.linear[0], _zeros(3 * WIDTH, WIDTH))
    _linear(attention.linear[1], _zeros(WIDTH, WIDTH))


def _no_feed_forward(layer: Any) -> None:
    _even_norm(layer.layer_norm)
    _linear(layer.linear_0, _zeros(HIDDEN, WIDTH))
    _linear(layer.linear_1, _zeros(WIDTH, HIDDEN))
