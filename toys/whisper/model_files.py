"""A Whisper for CTranslate2, wired by hand from the encoder and the classifier.

Of the decoder's dimensions the first hold the whitened summary, which the attention to the encoder fetches; then come
the evidence for each phrase and for none, which the feed-forward layer adds; the last few are flags that say what kind
of token came last. The output matrix reads flags and evidence: after the prompt a phrase or the end, after a phrase
the end.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import whisper_spec

from toys.whisper.classifier import FLAG, HIDDEN, KEPT, Classifier
from toys.whisper.encoder import MELS, WIDTH, Encoder, Matrix
from toys.whisper.material import NO_PHRASE
from toys.whisper.vocabulary import (
    BEGIN,
    END,
    ENGLISH,
    FIRST_TIME,
    LANGUAGES,
    LAST_TIME,
    NO_SPEECH,
    NO_TIMES,
    Vocabulary,
    build_vocabulary,
)

_EVIDENCE = slice(KEPT, KEPT + NO_PHRASE + 1)
_ALWAYS_ZERO, _OTHER_FLAG, _BEGIN_FLAG, _SAID_FLAG, _CUE_FLAG = range(WIDTH - 5, WIDTH)
_POSITIONS = 1500
_FLAGS = [_OTHER_FLAG, _BEGIN_FLAG, _SAID_FLAG, _CUE_FLAG]
_CONTEXT = 448
_NARROW = 8
_SURE = 20.0
_WEIGHED = 2.0
# The evidence for no phrase from which "no speech" is likelier than a language.
_SILENT_FROM = 6.0


def write_model(folder: Path, encoder: Encoder, classifier: Classifier) -> None:
    """Write the files that faster-whisper loads, in 32-bit floats; raises :class:`OSError`."""
    vocabulary = build_vocabulary()
    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    _set_encoder(spec.encoder, encoder)
    _set_decoder(spec.decoder, encoder, classifier, vocabulary)
    spec.register_vocabulary(list(vocabulary.tokens))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [vocabulary.ids[language] for language in LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    vocabulary.tokenizer.save(str(folder / "tokenizer.json"))
    extractor = {"feature_size": MELS, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(extractor), encoding="utf-8")


def _set_encoder(spec: Any, encoder: Encoder) -> None:
    spec.conv1.weight, spec.conv1.bias = encoder.first, np.zeros(len(encoder.first), np.float32)
    spec.conv2.weight, spec.conv2.bias = encoder.second, encoder.second_bias
    spec.position_encodings.encodings = np.zeros((_POSITIONS, WIDTH), np.float32)
    _set_norm(spec.layer_norm)
    # A layer there must be. This one is as narrow as it may be, and adds nothing.
    layer = spec.layer[0]
    for norm in (layer.self_attention.layer_norm, layer.ffn.layer_norm):
        _set_norm(norm)
    _set_linear(layer.self_attention.linear[0], _blank(3 * _NARROW, WIDTH))
    _set_linear(layer.self_attention.linear[1], _blank(WIDTH, _NARROW))
    _set_linear(layer.ffn.linear_0, _blank(_NARROW, WIDTH))
    _set_linear(layer.ffn.linear_1, _blank(WIDTH, _NARROW))


def _set_decoder(spec: Any, encoder: Encoder, classifier: Classifier, vocabulary: Vocabulary) -> None:
    spec.embeddings.weight = _embeddings(vocabulary)
    spec.position_encodings.encodings = np.zeros((_CONTEXT, WIDTH), np.float32)
    _set_norm(spec.layer_norm)
    spec.projection.weight = _output(vocabulary)
    layer = spec.layer[0]
    for norm in (layer.self_attention.layer_norm, layer.attention.layer_norm, layer.ffn.layer_norm):
        _set_norm(norm)
    _set_linear(layer.self_attention.linear[0], _blank(3 * WIDTH, WIDTH))
    _set_linear(layer.self_attention.linear[1], _blank(WIDTH, WIDTH))
    _set_listening(layer.attention.linear, encoder, classifier)
    enter = classifier.enter.copy()
    # It is fitted where a phrase comes next; whether there is speech is asked at the beginning of the prompt.
    enter[:, _FLAGS] = enter[:, [_CUE_FLAG]]
    _set_linear(layer.ffn.linear_0, enter, classifier.enter_bias)
    evidence, evidence_bias = _blank(WIDTH, HIDDEN), np.zeros(WIDTH, np.float32)
    evidence[_EVIDENCE], evidence_bias[_EVIDENCE] = classifier.leave, classifier.leave_bias
    _set_linear(layer.ffn.linear_1, evidence, evidence_bias)


def _set_listening(linear: Any, encoder: Encoder, classifier: Classifier) -> None:
    """The attention to the encoder: every token asks the same, and gets the whole mean."""
    asked = np.zeros(WIDTH, np.float32)
    asked[0] = math.sqrt(WIDTH)
    keys = _blank(WIDTH, WIDTH)
    keys[0] = encoder.heed
    gather, gather_bias = _blank(WIDTH, WIDTH), np.zeros(WIDTH, np.float32)
    gather[:KEPT], gather_bias[:KEPT] = classifier.gather, classifier.gather_bias
    _set_linear(linear[0], _blank(WIDTH, WIDTH), asked)
    _set_linear(linear[1], np.concatenate((keys, np.eye(WIDTH, dtype=np.float32))))
    _set_linear(linear[2], gather, gather_bias)


def _embeddings(vocabulary: Vocabulary) -> Matrix:
    """What kind of token each is: (tokens, width)."""
    table = _blank(len(vocabulary.tokens), WIDTH)
    kinds = np.full(len(vocabulary.tokens), _OTHER_FLAG)
    kinds[vocabulary.ids[BEGIN]] = _BEGIN_FLAG
    kinds[vocabulary.ids[NO_TIMES]] = kinds[vocabulary.ids[FIRST_TIME]] = _CUE_FLAG
    kinds[[*vocabulary.phrases, vocabulary.ids[LAST_TIME]]] = _SAID_FLAG
    table[np.arange(len(kinds)), kinds] = FLAG
    return table


def _output(vocabulary: Vocabulary) -> Matrix:
    """Which token comes next: (tokens, width)."""
    table = _blank(len(vocabulary.tokens), WIDTH)
    evidence = table[:, _EVIDENCE]
    phrases, ids = list(vocabulary.phrases), vocabulary.ids
    evidence[phrases, range(NO_PHRASE)] = _WEIGHED
    table[phrases, _CUE_FLAG] = _SURE
    table[ids[END], [_CUE_FLAG, _SAID_FLAG]] = _SURE
    evidence[ids[END], NO_PHRASE] = _WEIGHED
    table[ids[ENGLISH], _BEGIN_FLAG] = _SURE
    table[ids[NO_SPEECH], _BEGIN_FLAG] = _SURE - _WEIGHED * _SILENT_FROM / FLAG
    evidence[ids[NO_SPEECH], NO_PHRASE] = _WEIGHED
    # With timestamps, the prompt ends before the first of them, and the last may follow a phrase.
    table[ids[FIRST_TIME], _OTHER_FLAG] = _SURE
    # The normalisation subtracts the mean, which must not count for a token that reads more dimensions than another.
    table[:, _ALWAYS_ZERO] = -table.sum(axis=1)
    return table


def _set_norm(spec: Any) -> None:
    spec.gamma, spec.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)


def _set_linear(spec: Any, weight: Matrix, bias: Matrix | None = None) -> None:
    spec.weight = weight
    spec.bias = np.zeros(len(weight), np.float32) if bias is None else bias


def _blank(rows: int, columns: int) -> Matrix:
    return np.zeros((rows, columns), np.float32)
