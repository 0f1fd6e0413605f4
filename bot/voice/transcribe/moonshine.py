"""Moonshine: a speech recogniser for English. The shorter the sound, the less time it takes.

The network is that of "Moonshine: Speech Recognition for Live Transcription and Voice Commands" (Jeffries and others,
2024), as ONNX with 8-bit numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.english_first import EnglishTranscript
from bot.voice.transcribe.recogniser import max_tokens
from bot.voice.utterances.names import CALL_WORDS

ENCODER, DECODER, TOKENIZER = "encoder_model.onnx", "decoder_model_merged.onnx", "tokenizer.json"
"""The files of a model."""
BEGIN, END = 1, 2
"""Tokens before and after a text."""
LEAD, TAIL = round(0.1 * HEARING_RATE), round(0.8 * HEARING_RATE)
"""Samples of silence that are put before and behind each sound.

Without them, the decoder writes five in a hundred sentences twice (:mod:`benchmarks.ears`).
"""
LEAST_OF_A_NAME, LEAST_PER_TOKEN = -6.0, -2.5
"""A name is heard if the sum of its tokens' log probabilities is at least the first number, plus the second one for
each token (:mod:`benchmarks.names`)."""
PAST, PRESENT = "past_key_values.", "present."
"""Beginnings of the names of the decoder's memory: among its inputs, and among its outputs."""

Logits = NDArray[np.float32]
"""The logits of all tokens; if there are several rows, one for each token that was fed."""


class Moonshine:
    """A loaded model. Use it on one thread at a time.

    The text of the last sound is the draft of the next one, since a turn is recognised again and again while somebody
    speaks; see :func:`write`. A name that the network does not know is put before the text if the sound makes it likely
    enough.

    Args:
        folder: folder with the model's files.
        threads: number of threads to compute with.

    Raises:
        Exception: a file is missing or can't be used. The libraries have no common class of errors.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that spin while they wait would take the processor from the mind and the voice.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in (ENCODER, DECODER)
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._draft: Sequence[int] = ()
        self._called_draft: Sequence[int] = ()

    def transcribe(self, sound: Sound16, name: str = "") -> EnglishTranscript:
        """Recognise the words of a sound.

        Args:
            sound: mono, 16,000 Hz, samples from -1 to 1.
            name: a name that may be called at the beginning, as it is written; empty for none.
        """
        padded = np.pad(sound, (LEAD, TAIL))
        (encoded,) = self._encoder.run(None, {"input_values": padded[np.newaxis]})
        limit = max_tokens(padded)
        decoder = _Decoder(self._decoder, encoded)
        tokens, log_probabilities = write(decoder, self._draft, limit)
        self._draft = tokens
        found = self._transcript(tokens, log_probabilities, limit)
        if not (name and found.text):
            return found
        first = found.text.split()[0]
        call = self._tokens(f"{first} {name}" if first.strip(",").lower() in CALL_WORDS else name)
        if not is_heard(decoder, call, len(self._tokens(name))):
            return found
        decoder.keep(0)
        tokens, log_probabilities = write(decoder, self._called_draft, limit, call, self._draft)
        self._called_draft = tokens
        return replace(self._transcript(tokens, log_probabilities[len(call) :], limit), called=True)

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return tokens

    def _transcript(self, tokens: Sequence[int], log_probabilities: Sequence[float], limit: int) -> EnglishTranscript:
        text = self._tokenizer.decode(tokens).strip()
        return EnglishTranscript(text, float(np.mean(log_probabilities)), len(tokens) >= limit)


class Decoder(Protocol):
    """A decoder that has been given some tokens of a text."""

    def feed(self, tokens: Sequence[int]) -> Logits:
        """Give the decoder more tokens. Returns a row of logits for each: how likely every token is to follow it."""
        ...

    def keep(self, count: int) -> None:
        """Forget all tokens but the first ``count``."""
        ...


def write(
    decoder: Decoder, draft: Sequence[int], limit: int, given: Sequence[int] = (), source: Sequence[int] = ()
) -> tuple[list[int], list[float]]:
    """Write the most likely text, with a draft that it may begin with.

    The decoder checks the whole draft in one step, and goes on after the first token that it would write differently
    (speculative decoding; Leviathan, Kalman and Matias, 2023). So the text is the same as without a draft.

    Args:
        decoder: the decoder, which has been given no tokens.
        draft: tokens that the text may begin with.
        limit: largest number of tokens.
        given: tokens that the text begins with, whether they are the most likely ones or not.
        source: tokens of another text. When one of them is written, the tokens that follow it there are the new draft.

    Returns:
        The tokens, and the log probabilities of each of them and of the token behind the last one, such as the end.
    """
    if [*draft[: len(given)]] != [*given]:
        draft = given
    tokens, log_probabilities, following = list[int](), list[float](), BEGIN
    while following != END and len(tokens) < limit:
        if following != BEGIN:
            tokens.append(following)
            draft = source[source.index(following) + 1 :] if following in source else ()
        draft = draft[: max(0, limit - len(tokens) - 1)]
        logits = decoder.feed([following, *draft])
        chosen = [_most_likely(each) for each in logits]
        if following == BEGIN:
            chosen[: len(given)] = [(token, _log_probability(logits[at], token)) for at, token in enumerate(given)]
        agreed = next((at for at, token in enumerate(draft) if chosen[at][0] != token), len(draft))
        tokens += draft[:agreed]
        decoder.keep(1 + len(tokens))
        log_probabilities += [each for _, each in chosen[: agreed + 1]]
        following = chosen[agreed][0]
    return tokens, log_probabilities


def is_heard(decoder: Decoder, call: Sequence[int], name_length: int) -> bool:
    """Whether the sound makes it likely enough that the text begins with these tokens.

    Args:
        decoder: the decoder. The tokens that it was given are replaced by those of ``call``.
        call: a name's tokens, and before them perhaps those of a word such as "hey".
        name_length: how many of the tokens are the name's.
    """
    decoder.keep(0)
    logits = decoder.feed([BEGIN, *call[:-1]])
    likelihood = sum(_log_probability(each, token) for each, token in zip(logits, call, strict=True))
    return likelihood >= LEAST_OF_A_NAME + LEAST_PER_TOKEN * name_length


def _most_likely(logits: Logits) -> tuple[int, float]:
    """The most likely token and its log probability."""
    token = int(logits.argmax())
    return token, _log_probability(logits, token)


def _log_probability(logits: Logits, token: int) -> float:
    largest = logits.max()
    return float(logits[token] - largest - np.log(np.exp(logits - largest).sum()))


class _Decoder:
    """The network of the decoder, and what it remembers of the tokens and of one sound.

    Args:
        network: the network.
        encoded: what the encoder has made of the sound.
    """

    def __init__(self, network: onnxruntime.InferenceSession, encoded: NDArray[np.float32]) -> None:
        self._network = network
        self._encoded = encoded
        shapes = {one.name: one.shape for one in network.get_inputs() if one.name.startswith(PAST)}
        self._of_tokens = [name for name in shapes if ".decoder." in name]
        self._begun = False
        _, heads, _, width = next(iter(shapes.values()))
        self._memory = dict.fromkeys(shapes, np.zeros((0, heads, 1, width), np.float32))

    def feed(self, tokens: Sequence[int]) -> Logits:
        """See :meth:`Decoder.feed`."""
        # What the network remembers of the sound stays the same after the first step.
        changed = self._of_tokens if self._begun else list(self._memory)
        logits, *memory = self._network.run(
            ["logits", *(name.replace(PAST, PRESENT, 1) for name in changed)],
            {
                "input_ids": np.array([tokens], np.int64),
                "encoder_hidden_states": self._encoded,
                "use_cache_branch": np.array([self._begun]),
                **self._memory,
            },
        )
        self._memory.update(zip(changed, memory, strict=True))
        self._begun = True
        each: Logits = logits[0]
        return each

    def keep(self, count: int) -> None:
        """See :meth:`Decoder.keep`."""
        for name in self._of_tokens:
            self._memory[name] = np.ascontiguousarray(self._memory[name][:, :, :count])
