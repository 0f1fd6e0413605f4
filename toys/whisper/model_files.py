"""A Whisper for CTranslate2, wired by hand from the encoder and the classifier.

The decoder's first dimensions hold the whitened summary, which comes from the attention to the encoder. The next ones
hold the logits of each phrase and of "no phrase", which the feed-forward layer adds. The last ones are flags that tell
the kind of the last token. The output matrix reads flags and logits: a phrase or the end follows the prompt, and the
end follows a phrase.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import whisper_spec

from toys.whisper.classifier import COMPONENTS, FLAG, HIDDEN, Classifier
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

_LOGITS = slice(COMPONENTS, COMPONENTS + NO_PHRASE + 1)
_ALWAYS_ZERO, _OTHER_FLAG, _BEGIN_FLAG, _SAID_FLAG, _CUE_FLAG = range(WIDTH - 5, WIDTH)
_POSITIONS = 1500
_FLAGS = [_OTHER_FLAG, _BEGIN_FLAG, _SAID_FLAG, _CUE_FLAG]
_CONTEXT = 448
_NARROW = 8
# Weight of flags in the output matrix.
_FLAG_WEIGHT = 20.0
LOGIT_WEIGHT = 2.0
"""Weight of the classifier's logits in the output matrix."""
NO_SPEECH_LOGIT = 1.0
"""Logit of "no phrase" above which "no speech" is likelier than a language.

Training separates speech from other sounds at 0. This limit is higher, since the bot would drop doubtful speech.
"""


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
    # CTranslate2 needs a layer. This one is as narrow as possible, and adds nothing.
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
    _set_encoder_attention(layer.attention.linear, encoder, classifier)
    w_in = classifier.w_in.copy()
    # The layer is trained for the step that predicts a phrase, but "no speech" is predicted at the start of the prompt.
    w_in[:, _FLAGS] = w_in[:, [_CUE_FLAG]]
    _set_linear(layer.ffn.linear_0, w_in, classifier.b_in)
    w_out, b_out = _blank(WIDTH, HIDDEN), np.zeros(WIDTH, np.float32)
    w_out[_LOGITS], b_out[_LOGITS] = classifier.w_out, classifier.b_out
    _set_linear(layer.ffn.linear_1, w_out, b_out)


def _set_encoder_attention(linear: Any, encoder: Encoder, classifier: Classifier) -> None:
    """Set the attention to the encoder: the query is the same for every token, so each gets the mean of all frames."""
    query = np.zeros(WIDTH, np.float32)
    query[0] = math.sqrt(WIDTH)
    keys = _blank(WIDTH, WIDTH)
    keys[0] = encoder.attention_key
    value, value_bias = _blank(WIDTH, WIDTH), np.zeros(WIDTH, np.float32)
    value[:COMPONENTS], value_bias[:COMPONENTS] = classifier.whitening, classifier.whitening_bias
    _set_linear(linear[0], _blank(WIDTH, WIDTH), query)
    _set_linear(linear[1], np.concatenate((keys, np.eye(WIDTH, dtype=np.float32))))
    _set_linear(linear[2], value, value_bias)


def _embeddings(vocabulary: Vocabulary) -> Matrix:
    """The embeddings: shape (tokens, WIDTH). Each has only the flag of the token's kind."""
    table = _blank(len(vocabulary.tokens), WIDTH)
    kinds = np.full(len(vocabulary.tokens), _OTHER_FLAG)
    kinds[vocabulary.ids[BEGIN]] = _BEGIN_FLAG
    kinds[vocabulary.ids[NO_TIMES]] = kinds[vocabulary.ids[FIRST_TIME]] = _CUE_FLAG
    kinds[[*vocabulary.phrases, vocabulary.ids[LAST_TIME]]] = _SAID_FLAG
    table[np.arange(len(kinds)), kinds] = FLAG
    return table


def _output(vocabulary: Vocabulary) -> Matrix:
    """The output matrix, which predicts the next token: shape (tokens, WIDTH)."""
    table = _blank(len(vocabulary.tokens), WIDTH)
    logits = table[:, _LOGITS]
    phrases, ids = list(vocabulary.phrases), vocabulary.ids
    logits[phrases, range(NO_PHRASE)] = LOGIT_WEIGHT
    table[phrases, _CUE_FLAG] = _FLAG_WEIGHT
    table[ids[END], [_CUE_FLAG, _SAID_FLAG]] = _FLAG_WEIGHT
    logits[ids[END], NO_PHRASE] = LOGIT_WEIGHT
    table[ids[ENGLISH], _BEGIN_FLAG] = _FLAG_WEIGHT
    table[ids[NO_SPEECH], _BEGIN_FLAG] = _FLAG_WEIGHT - LOGIT_WEIGHT * NO_SPEECH_LOGIT / FLAG
    logits[ids[NO_SPEECH], NO_PHRASE] = LOGIT_WEIGHT
    # With timestamps, the prompt ends before the first of them, and the last may follow a phrase.
    table[ids[FIRST_TIME], _OTHER_FLAG] = _FLAG_WEIGHT
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
