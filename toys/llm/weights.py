"""Toy weights: a small hand-made language model, with which the whole bot runs without a download.

It is a real GGUF file for llama.cpp. It knows the answers of ``phrases`` and nothing else. It is not trained. Its
weights are those of a llama with two layers, in which each used dimension of the residual stream has one meaning:

- Layer 1 counts user turns. Every token attends equally to the start of the text and to each user turn so far, and
  the layer stores the start's share of this attention: 1 / (1 + turns). This number tells each token which user
  message it belongs to.
- Layer 2 votes. Only the cue that begins the reply attends to other tokens: to the keywords of the newest user message,
  which carry votes for answers, and to that message's mark, which carries the votes of the default answer.
- The output matrix maps the winning vote to the answer's first piece, and each piece to the next one.

The rotary position encoding has no effect, since its base is so large that the dimensions in use do not rotate.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from toys.cache import model_file
from toys.llm.phrases import DEFAULT_VOTES, TOY_PHRASES, rank_weight
from toys.llm.vocabulary import BEGIN, END, MARKS, REPLY_CUES, USER_TURN, ToyVocabulary, collect_vocabulary

Progress = Callable[[float, str], None]
Matrix = npt.NDArray[np.float32]

TOY_MODEL_NAME = "seiyuu-toy"

_RECIPE = 1
"""Number of the recipe for the weights. A new number leads to a new file in the cache."""
_CONTEXT = 8192
_WIDTH = 256
_HEADS = 4
_HEAD_WIDTH = _WIDTH // _HEADS
_HIDDEN = 32

# Dimensions of the residual stream. The remaining ones hold a vector that identifies the token.
_ALWAYS, _BEGIN, _USER, _CUE, _KEYWORD, _SHARE, _LAST, _PROMPT, _BALLAST = range(9)
_VOTES = 9
_WINNER = _VOTES + len(TOY_PHRASES)
_IDENTITY = _WINNER + len(TOY_PHRASES)
_IDENTITY_BITS = (_WIDTH - _IDENTITY) // 8 * 8

# All embeddings have the same squared length, so that normalisation multiplies each by the same number.
_SQUARED_LENGTH = 16.0
_NORMED = math.sqrt(_WIDTH / _SQUARED_LENGTH)

# Dimensions of a head that queries and keys both use. The position encoding does not rotate such high dimensions.
_MEET_A, _MEET_B, _MEET_C = 48, 50, 52

# Attention scores before the softmax. They are large enough to tell the newest of sixty user messages from the others.
_TURN_SCORE = 60.0
_NEWEST_SCORE = -60_000.0
_KEYWORD_SCORE = 20.0
_START_SCORE = 60.0

_CHAIN_GAIN = 40.0
_WINNER_GAIN = 20_000.0

_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def toy_weights(cache_dir: Path, progress: Progress | None = None) -> Path:
    """Make the toy GGUF, unless it is in the cache already; returns its path. Blocks for about a second.

    The file's name has a hash of the recipe's number and the phrases, so that a changed table makes a new
    file. Two processes at once, or one that is killed, never leave a broken file.

    Args:
        progress: called with a share from 0 to 1 and the name of the current step.

    Raises:
        OSError: the cache can't be written.
    """
    report = progress or (lambda share, doing: None)
    path = model_file(cache_dir, _fingerprint())
    if path.exists():
        report(1.0, "ready")
        return path
    cache_dir.mkdir(parents=True, exist_ok=True)
    half_made = cache_dir / f".{path.name}.part"
    # The unfinished file always has the same name, so that the next run replaces the file that a killed process left.
    with half_made.open("ab") as unfinished:
        fcntl.flock(unfinished, fcntl.LOCK_EX)
        try:
            if not path.exists():
                _write(half_made, report)
                half_made.replace(path)
        finally:
            half_made.unlink(missing_ok=True)
    report(1.0, "ready")
    return path


def _fingerprint() -> str:
    return hashlib.sha256(repr((_RECIPE, TOY_PHRASES)).encode()).hexdigest()[:12]


def _write(path: Path, report: Progress) -> None:
    report(0.0, "vocabulary")
    vocabulary = collect_vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    _add_metadata(writer, vocabulary)
    report(0.2, "weights")
    embeddings = _embeddings(vocabulary)
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, np.float32))
    writer.add_tensor("output.weight", _output(vocabulary, embeddings))
    for layer, (query, key, value, out) in enumerate((_counting_layer(), _voting_layer())):
        _add_layer(writer, f"blk.{layer}.", query, key, value, out)
    report(0.6, "file")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter, vocabulary: ToyVocabulary) -> None:
    normal, literal = gguf.TokenType.NORMAL, vocabulary.literal
    kinds = [normal] * len(vocabulary.normal)
    kinds += [gguf.TokenType.CONTROL if text in MARKS else gguf.TokenType.USER_DEFINED for text in literal]
    writer.add_name(TOY_MODEL_NAME)
    writer.add_description("A toy: a hand-made stand-in that knows a table of answers. Not a language model.")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(2)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(_HEAD_WIDTH)
    writer.add_rope_freq_base(1e30)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    # This pre-tokenizer takes a word that is in the vocabulary as one token, without needing merges.
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{vocabulary.tokens[0]} {vocabulary.tokens[0]}"])
    writer.add_bos_token_id(literal[BEGIN])
    writer.add_eos_token_id(literal[END])
    writer.add_add_bos_token(True)
    writer.add_chat_template(_CHAT_TEMPLATE)


def _embeddings(vocabulary: ToyVocabulary) -> Matrix:
    """The embeddings of all tokens: shape (tokens, width)."""
    table = np.zeros((len(vocabulary.tokens), _WIDTH), np.float32)
    table[:, _ALWAYS] = 1
    table[: len(vocabulary.normal), _PROMPT] = 1
    table[vocabulary.literal[BEGIN], _BEGIN] = 1
    user = table[vocabulary.literal[USER_TURN]]
    user[[_USER, _KEYWORD, _VOTES + len(TOY_PHRASES) - 1]] = 1, 1, DEFAULT_VOTES
    for cue in REPLY_CUES:
        table[vocabulary.literal[cue], _CUE] = 1
    for rank, phrase in enumerate(TOY_PHRASES):
        for words, votes in ((phrase.decisive, 1.0), (phrase.hinting, 0.5)):
            for token in (token for word in words for token in vocabulary.keywords[word]):
                table[token, _KEYWORD] = 1
                table[token, _VOTES + rank] = votes * rank_weight(rank)
    for chain in vocabulary.chains:
        for token in chain:
            table[token, _IDENTITY : _IDENTITY + _IDENTITY_BITS] = _identity(vocabulary.tokens[token])
        table[list(chain), _PROMPT] = 0
        table[chain[-1], _LAST] = 1
    table[:, _BALLAST] = np.sqrt(_SQUARED_LENGTH - np.square(table).sum(axis=1))
    return table


def _identity(token: str) -> Matrix:
    """A unit vector for a token, nearly orthogonal to all others. Its signs are the bits of the token's hash."""
    digest = hashlib.shake_256(token.encode()).digest(_IDENTITY_BITS // 8)
    signs = np.unpackbits(np.frombuffer(digest, np.uint8)).astype(np.float32) * 2 - 1
    unit: Matrix = signs / np.float32(math.sqrt(_IDENTITY_BITS))
    return unit


def _output(vocabulary: ToyVocabulary, embeddings: Matrix) -> Matrix:
    """The output matrix from the residual stream to the next token: shape (tokens, width)."""
    table = np.zeros((len(vocabulary.tokens), _WIDTH), np.float32)
    identities = slice(_IDENTITY, _IDENTITY + _IDENTITY_BITS)
    for rank, chain in enumerate(vocabulary.chains):
        table[chain[0], _WINNER + rank] = _WINNER_GAIN
        for said, following in pairwise(chain):
            table[following, identities] += _CHAIN_GAIN * embeddings[said, identities]
    table[vocabulary.literal[END], _LAST] = _CHAIN_GAIN
    # A prompt without turns, or without a user's turn, gets the default answer.
    default = vocabulary.chains[-1][0]
    table[default, [_PROMPT, _CUE]] = _CHAIN_GAIN
    return table


def _counting_layer() -> tuple[Matrix, Matrix, Matrix, Matrix]:
    query, key, value, out = _blank()
    query[_MEET_A, _ALWAYS] = 1
    key[_MEET_A, [_BEGIN, _USER]] = _for_score(_TURN_SCORE)
    value[0, _BEGIN] = 1 / _NORMED
    out[_SHARE, 0] = 1
    return query, key, value, out


def _voting_layer() -> tuple[Matrix, Matrix, Matrix, Matrix]:
    query, key, value, out = _blank()
    # The large factor is divided between query and key, so that both stay within half precision.
    query[_MEET_A, _CUE] = _for_score(_NEWEST_SCORE) / 400
    key[_MEET_A, _SHARE] = 400
    query[_MEET_B, _CUE] = 1
    key[_MEET_B, _KEYWORD] = _for_score(_KEYWORD_SCORE)
    query[_MEET_C, _ALWAYS] = 1
    key[_MEET_C, _BEGIN] = _for_score(_START_SCORE)
    for rank in range(len(TOY_PHRASES)):
        value[rank, _VOTES + rank] = 1 / _NORMED
        out[_WINNER + rank, rank] = 1
    return query, key, value, out


def _blank() -> tuple[Matrix, Matrix, Matrix, Matrix]:
    query, key, value, out = (np.zeros((_WIDTH, _WIDTH), np.float32) for _ in range(4))
    return query, key, value, out


def _for_score(score: float) -> float:
    """The product of a query weight and a key weight that gives this attention score if both their flags are 1."""
    return score * math.sqrt(_HEAD_WIDTH) / _NORMED**2


def _add_layer(writer: gguf.GGUFWriter, prefix: str, query: Matrix, key: Matrix, value: Matrix, out: Matrix) -> None:
    ones = np.ones(_WIDTH, np.float32)
    tensors = {
        "attn_norm": ones,
        "attn_q": query,
        "attn_k": key,
        "attn_v": value,
        "attn_output": out,
        "ffn_norm": ones,
        "ffn_gate": np.zeros((_HIDDEN, _WIDTH), np.float32),
        "ffn_up": np.zeros((_HIDDEN, _WIDTH), np.float32),
        "ffn_down": np.zeros((_WIDTH, _HIDDEN), np.float32),
    }
    for name, tensor in tensors.items():
        writer.add_tensor(f"{prefix}{name}.weight", tensor)
