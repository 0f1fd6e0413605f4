"""Toy weights for Kokoro: speakers, and a tiny network with the inputs of the real one. It hums in place of words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE = 24_000
COLUMN = 300
COLUMNS_A_TOKEN = 4
HUM_HZ = RATE / COLUMN * 3
SPEAKERS = ("af_heart", "af_sky", "am_adam", "bf_emma", "ef_dora", "em_alex", "ff_siwis", "hf_alpha", "pm_santa")


def make_weights(folder: Path, speakers: Iterable[str] = SPEAKERS) -> Path:
    """Write the network and the speakers into ``folder``, and return it. Each speaker is louder than the one before."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    (folder / "kokoro.onnx").write_bytes(network())
    for number, name in enumerate(speakers):
        styles = np.full((510, 256), 0.02 * number, np.float32)
        (folder / "voices" / f"{name}.bin").write_bytes(styles.tobytes())
    return folder


def seconds(tokens: int, speed: float = 1.0) -> float:
    """Return how long the sound of this many tokens is, in seconds."""
    return int(tokens * COLUMNS_A_TOKEN / speed) * COLUMN / RATE


def network(tokens_name: str = "tokens") -> bytes:
    """Return an ONNX network. Each token becomes four columns, and each column three periods of a hum."""
    constants = {
        "many": np.array(10_000, np.float32),
        "loudness": np.array(0.3, np.float32),
        "first": np.array([0], np.int64),
        "one": np.array([1.0, 1.0], np.float32),
        "columns": np.array([COLUMNS_A_TOKEN], np.float32),
        "nothing": np.array([], np.float32),
        "axis": np.array([1], np.int64),
        "flat": np.array([-1], np.int64),
        "hum": np.sin(2 * np.pi * 3 * np.arange(COLUMN) / COLUMN).astype(np.float32).reshape(1, 1, COLUMN),
    }
    nodes = [
        helper.make_node("Cast", [tokens_name], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["numbers", "many"], ["small"]),
        helper.make_node("Gather", ["style", "first"], ["who"], axis=1),
        helper.make_node("Add", ["who", "loudness"], ["loud"]),
        helper.make_node("Add", ["small", "loud"], ["levels"]),
        helper.make_node("Unsqueeze", ["levels", "axis"], ["row"]),
        helper.make_node("Div", ["columns", "speed"], ["factor"]),
        helper.make_node("Concat", ["one", "factor"], ["factors"], axis=0),
        helper.make_node("Resize", ["row", "nothing", "factors"], ["outline"], mode="nearest"),
        helper.make_node("ConvTranspose", ["outline", "hum"], ["waves"], strides=[COLUMN]),
        helper.make_node("Reshape", ["waves", "flat"], ["audio"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [
            helper.make_tensor_value_info(tokens_name, TensorProto.INT64, [1, "phonemes"]),
            helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
            helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
