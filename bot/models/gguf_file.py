"""Reads a GGUF file's index of tensors, and writes a file with the same metadata and the tensors in other formats.

The metadata is copied byte by byte. The reader of the package ``gguf`` is not used: it makes an object for each token
of the vocabulary. That takes two seconds and 160 MB even with a small model.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gguf import GGML_QUANT_SIZES, GGUF_DEFAULT_ALIGNMENT, GGUF_MAGIC, GGMLQuantizationType, GGUFValueType

_VERSIONS = (2, 3)
_ALIGNMENT_KEY = b"general.alignment"
_MOST_TEXT = 2**24
"""Greatest number of bytes of a text in the metadata. A damaged file may claim any number."""
_SIZES = {
    GGUFValueType.UINT8: 1,
    GGUFValueType.INT8: 1,
    GGUFValueType.BOOL: 1,
    GGUFValueType.UINT16: 2,
    GGUFValueType.INT16: 2,
    GGUFValueType.UINT32: 4,
    GGUFValueType.INT32: 4,
    GGUFValueType.FLOAT32: 4,
    GGUFValueType.UINT64: 8,
    GGUFValueType.INT64: 8,
    GGUFValueType.FLOAT64: 8,
}


class GgufError(OSError):
    """The file is not a GGUF file, or is damaged."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file.

    Attributes:
        shape: its size in each dimension; the first one is the length of a row.
        offset: where its bytes begin, counted from the beginning of the file.
    """

    name: str
    shape: tuple[int, ...]
    format: GGMLQuantizationType
    offset: int

    @property
    def size(self) -> int:
        """Number of its bytes."""
        return tensor_size(self.shape, self.format)


@dataclass(frozen=True, slots=True)
class GgufIndex:
    """What stands in a file before the bytes of its tensors.

    Attributes:
        head: the bytes from the beginning of the file to the end of the metadata.
        alignment: the bytes of each tensor begin at a multiple of this number.
    """

    head: bytes
    alignment: int
    tensors: tuple[Tensor, ...]


def tensor_size(shape: Sequence[int], tensor_format: GGMLQuantizationType) -> int:
    """Number of bytes of a tensor."""
    in_block, block_size = GGML_QUANT_SIZES[tensor_format]
    count = 1
    for length in shape:
        count *= length
    return count // in_block * block_size


def read_index(file: BinaryIO) -> GgufIndex:
    """Read the index of a file that is open at its beginning. Blocks on the disk.

    Raises:
        GgufError: the file is not a GGUF file of version 2 or 3, or is damaged.
        OSError: the file can't be read.
    """
    try:
        return _Reader(file).index()
    except (struct.error, ValueError, KeyError, OverflowError) as error:
        raise GgufError(f"it is not a whole GGUF file ({error})") from error


def write_file(
    index: GgufIndex,
    formats: Sequence[GGMLQuantizationType],
    contents: Iterable[bytes],
    write: Callable[[bytes], object],
) -> None:
    """Write a file with the metadata of another one, and its tensors in these formats and with these contents."""
    place = 0
    head = bytearray(index.head)
    for tensor, tensor_format in zip(index.tensors, formats, strict=True):
        name = tensor.name.encode()
        head += struct.pack(f"<Q{len(name)}sI", len(name), name, len(tensor.shape))
        head += struct.pack(f"<{len(tensor.shape)}QIQ", *tensor.shape, tensor_format, place)
        place += _aligned(tensor_size(tensor.shape, tensor_format), index.alignment)
    write(bytes(head).ljust(_aligned(len(head), index.alignment), b"\0"))
    for content in contents:
        write(content)
        write(bytes(_aligned(len(content), index.alignment) - len(content)))


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


class _Reader:
    """Reads a file from its beginning. A method that meets the end of the file raises struct.error or GgufError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._alignment = GGUF_DEFAULT_ALIGNMENT

    def index(self) -> GgufIndex:
        magic, version = self._numbers("II")
        if magic != GGUF_MAGIC or version not in _VERSIONS:
            raise GgufError("it does not begin like a GGUF file")
        tensors, fields = self._numbers("QQ")
        for _ in range(fields):
            self._skip_field()
        end = self._file.tell()
        found = [self._tensor() for _ in range(tensors)]
        start = _aligned(self._file.tell(), self._alignment)
        self._file.seek(0)
        head = self._file.read(end)
        return GgufIndex(head, self._alignment, tuple(self._placed(found, start)))

    def _placed(self, tensors: Iterable[Tensor], start: int) -> Iterator[Tensor]:
        size = self._file.seek(0, 2)
        for tensor in tensors:
            placed = Tensor(tensor.name, tensor.shape, tensor.format, start + tensor.offset)
            if placed.offset + placed.size > size:
                raise GgufError(f"it ends before the end of {placed.name}")
            yield placed

    def _tensor(self) -> Tensor:
        name = self._text().decode()
        (dimensions,) = self._numbers("I")
        if dimensions > 4:
            raise GgufError(f"{name} has {dimensions} dimensions")
        shape = self._numbers(f"{dimensions}Q")
        kind, offset = self._numbers("IQ")
        return Tensor(name, shape, GGMLQuantizationType(kind), offset)

    def _skip_field(self) -> None:
        key = self._text()
        (kind,) = self._numbers("I")
        if key == _ALIGNMENT_KEY:
            (self._alignment,) = self._numbers("I")
            if self._alignment < 1:
                raise GgufError("its alignment is 0")
        else:
            self._skip_value(GGUFValueType(kind))

    def _skip_value(self, kind: GGUFValueType) -> None:
        if kind is GGUFValueType.STRING:
            self._text()
        elif kind is GGUFValueType.ARRAY:
            inner, count = self._numbers("IQ")
            if inner != GGUFValueType.STRING:
                self._file.seek(count * _SIZES[GGUFValueType(inner)], 1)
                return
            for _ in range(count):
                self._text()
        else:
            self._file.seek(_SIZES[kind], 1)

    def _text(self) -> bytes:
        (length,) = self._numbers("Q")
        if length > _MOST_TEXT:
            raise GgufError("a text is too long")
        text = self._file.read(length)
        if len(text) < length:
            raise GgufError("it ends in the middle of a text")
        return text

    def _numbers(self, layout: str) -> tuple[int, ...]:
        layout = f"<{layout}"
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
