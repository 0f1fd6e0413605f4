"""A tiny language model in Q4_1, a slow format of which the bot makes quicker copies: the toy, with random numbers
where they change no answer.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType
from gguf.quants import dequantize, quantize

UNUSED = ("ffn_gate", "ffn_up")
"""Parts of each layer whose results the toy multiplies by zero."""


def write_slow_weights(toy: Path, file: Path, *, spread: float = 0.1) -> Path:
    """Write the toy in Q4_1 to ``file``; returns it.

    Args:
        spread: the standard deviation of the random weights. Another value makes another file.
    """
    random = np.random.default_rng(5)
    reader = gguf.GGUFReader(toy)
    writer = gguf.GGUFWriter(file, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        inner = field.types[1] if kind is GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, sub_type=inner)
    for tensor in reader.tensors:
        part = tensor.name.split(".")[-2]
        if tensor.name.startswith("blk.") and len(tensor.shape) > 1:
            weights = random.normal(0, spread, tensor.data.shape) if part in UNUSED else tensor.data
            packed = quantize(weights.astype(np.float32), GGMLQuantizationType.Q4_1)
            writer.add_tensor(tensor.name, packed, raw_dtype=GGMLQuantizationType.Q4_1)
        else:
            writer.add_tensor(tensor.name, tensor.data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def weights_in(file: Path) -> dict[str, tuple[GGMLQuantizationType, np.ndarray]]:
    """The format and the numbers of each tensor of a GGUF file, by name."""
    return {
        tensor.name: (tensor.tensor_type, dequantize(tensor.data, tensor.tensor_type))
        for tensor in gguf.GGUFReader(file).tensors
    }


def metadata_in(file: Path) -> dict[str, object]:
    """All metadata of a GGUF file."""
    return {name: (field.types, field.contents()) for name, field in gguf.GGUFReader(file).fields.items()}
