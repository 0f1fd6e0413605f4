"""Converts weights in Q4_1 to formats for which llama.cpp is quicker.

llama.cpp has no quick kernel for Q4_1. As it loads matrices in Q4_0, it rearranges them for the processor's widest
instructions, on x86 and on ARM, and Q8_0 is quick everywhere. So two of the widest matrices of each layer become Q4_0,
and the others Q8_0. With more of them in Q4_0, a small model answers worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize

from bot.models.gguf_file import GgufError, GgufIndex, Tensor, read_index, tensor_size, write_file
from bot.models.model_store import Advance
from bot.models.quantisation import to_q4_0

_SLOW = GGMLQuantizationType.Q4_1
_IN_Q4_0 = ("ffn_gate", "ffn_up")


class SlowWeights:
    """Weights whose layers have all their matrices in Q4_1.

    Args:
        file: the GGUF file. It is read tensor by tensor.
        index: its index.
    """

    def __init__(self, file: BinaryIO, index: GgufIndex) -> None:
        self._file = file
        self._index = index

    @property
    def size(self) -> int:
        """Number of bytes to convert."""
        return sum(tensor.size for tensor in self._index.tensors)

    def convert(self, write: Callable[[bytes], object], advance: Advance) -> None:
        """Write a GGUF file with the quicker formats. Its metadata is that of the slow weights. The same weights
        always give the same bytes.

        Raises:
            GgufError: the file ends too soon.
            OSError: the file can't be read.
        """
        formats = [_quick_format(tensor) for tensor in self._index.tensors]
        write_file(self._index, formats, self._converted(advance), write)

    def _converted(self, advance: Advance) -> Iterator[bytes]:
        for tensor in self._index.tensors:
            self._file.seek(tensor.offset)
            content = self._file.read(tensor.size)
            if len(content) < tensor.size:
                raise GgufError(f"it ends before the end of {tensor.name}")
            yield _in_format(content, tensor, _quick_format(tensor))
            advance(tensor.size)


def slow_weights(file: BinaryIO) -> SlowWeights | None:
    """The weights in a file that is open at its beginning; ``None`` if they are of another kind.

    Raises:
        OSError: the file can't be read.
    """
    try:
        index = read_index(file)
    except GgufError:
        return None
    layers = [tensor for tensor in index.tensors if tensor.name.startswith("blk.") and len(tensor.shape) > 1]
    slow = bool(layers) and all(tensor.format is _SLOW for tensor in layers)
    return SlowWeights(file, index) if slow else None


def _quick_format(tensor: Tensor) -> GGMLQuantizationType:
    if tensor.format is not _SLOW:
        return tensor.format
    wide = any(part in _IN_Q4_0 for part in tensor.name.split("."))
    return GGMLQuantizationType.Q4_0 if wide else GGMLQuantizationType.Q8_0


def _in_format(content: bytes, tensor: Tensor, wanted: GGMLQuantizationType) -> bytes:
    if wanted is tensor.format:
        return content
    rows = np.frombuffer(content, np.uint8).reshape(-1, tensor_size(tensor.shape[:1], tensor.format))
    weights = dequantize(rows, tensor.format)
    converted = to_q4_0(weights) if wanted is GGMLQuantizationType.Q4_0 else quantize(weights, wanted)
    return converted.tobytes()
