"""A voice of Piper's that weighs nothing: its networks' shape, its file formats, and a hum in place of words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

RATE = 22_050
COLUMN = 256
"""Samples for each column of the outline."""
COLUMNS_A_TOKEN = 4
HUM_HZ = RATE / COLUMN * 2
SYMBOLS = 256


def make_voice(folder: Path, name: str = "en_US-toy-low", *, divisible: bool = True, **changed: Any) -> Path:
    """Write a voice; ``changed`` are parts of its description. Returns its network's file."""
    described = {**description(), **changed}
    file = folder / f"{name}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(network(speakers=described["num_speakers"], decoder="dec" if divisible else "vocoder"))
    file.with_name(f"{file.name}.json").write_text(json.dumps(described), encoding="utf-8")
    return file


def description(**changed: Any) -> dict[str, Any]:
    """A voice's JSON."""
    return {
        "audio": {"sample_rate": RATE, "quality": "low"},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": SYMBOLS,
        "num_speakers": 1,
        "speaker_id_map": {},
        "language": {"code": "en_US"},
        "dataset": "toy",
        **changed,
    }


def seconds(tokens: int, speed: float = 1.0) -> float:
    """How long so many tokens sound."""
    return int(tokens * COLUMNS_A_TOKEN / speed) * COLUMN / RATE


def network(*, speakers: int = 1, decoder: str = "dec") -> bytes:
    """A token is four columns long, a column two periods of a hum, which the second speaker hums louder."""
    hum = np.sin(2 * np.pi * 2 * np.arange(COLUMN) / COLUMN).astype(np.float32)
    # The tokens' own numbers don't matter: every column is 0.3, smoothed with its neighbours', and a bit of the token.
    constants: Mapping[str, NDArray[Any]] = {
        "symbols": np.array(100 * SYMBOLS, np.float32),
        "loudness": np.array(0.3, np.float32),
        "one": np.array([1.0, 1.0], np.float32),
        "columns": np.array([COLUMNS_A_TOKEN], np.float32),
        "length": np.array([1], np.int64),
        "nothing": np.array([], np.float32),
        "axis": np.array([1], np.int64),
        "smooth": np.array([[[0.25, 0.5, 0.25]]], np.float32),
        "hum": hum.reshape(1, 1, COLUMN),
        "voices": np.array([[[0.5]], [[1.0]]], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["input"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["numbers", "symbols"], ["small"]),
        helper.make_node("Add", ["small", "loudness"], ["levels"]),
        helper.make_node("Unsqueeze", ["levels", "axis"], ["row"]),
        helper.make_node("Gather", ["scales", "length"], ["length_scale"]),
        helper.make_node("Mul", ["columns", "length_scale"], ["factor"]),
        helper.make_node("Concat", ["one", "factor"], ["factors"], axis=0),
        helper.make_node("Resize", ["row", "nothing", "factors"], ["outline"], mode="nearest"),
        helper.make_node("Conv", ["outline", "smooth"], ["smoothed"], f"/{decoder}/conv_pre/Conv", pads=[1, 1]),
        helper.make_node("ConvTranspose", ["smoothed", "hum"], ["waves"], f"/{decoder}/ups.0", strides=[COLUMN]),
    ]
    sound = "waves"
    given = [
        helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        given.append(helper.make_tensor_value_info("sid", TensorProto.INT64, ["batch"]))
        nodes.insert(0, helper.make_node("Gather", ["voices", "sid"], ["who"], axis=0))
        nodes.append(helper.make_node("Mul", ["waves", "who"], ["spoken"], f"/{decoder}/cond/Mul"))
        sound = "spoken"
    nodes += [
        helper.make_node("Tanh", [sound], ["even"], f"/{decoder}/Tanh"),
        helper.make_node("Unsqueeze", ["even", "axis"], ["output"], "/Unsqueeze"),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        given,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1, 1, "samples"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
