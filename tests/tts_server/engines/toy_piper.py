"""A toy voice for Piper: a tiny network with the inputs and modules of the real one. It hums in place of words."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

RATE = 22_050
COLUMN = 256
"""Samples for each column of the acoustic features."""
COLUMNS_A_TOKEN = 4
HUM_HZ = RATE / COLUMN * 2
SYMBOLS = 256


def make_voice(folder: Path, name: str = "en_US-toy-low", *, divisible: bool = True, **changed: Any) -> Path:
    """Write a voice to the disk and return its network's file; ``changed`` overrides fields of its description."""
    described = {**description(), **changed}
    file = folder / f"{name}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    flow, decoder = ("flow", "dec") if divisible else ("bend", "vocoder")
    file.write_bytes(network(speakers=described["num_speakers"], flow=flow, decoder=decoder))
    file.with_name(f"{file.name}.json").write_text(json.dumps(described), encoding="utf-8")
    return file


def description(**changed: Any) -> dict[str, Any]:
    """Return a voice's description; ``changed`` overrides its fields."""
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
    """Return how long the sound of this many tokens is, in seconds."""
    return int(tokens * COLUMNS_A_TOKEN / speed) * COLUMN / RATE


def network(
    *,
    speakers: int = 1,
    flow: str = "flow",
    decoder: str = "dec",
    far: Collection[str] = (),
    transposed: bool = False,
) -> bytes:
    """Return an ONNX network. Each token becomes four columns, and each column two periods of a hum.

    Args:
        speakers: 1 or 2; the second speaker hums louder.
        flow, decoder: names of the two modules, which the nodes' names contain.
        far: modules in which every column depends on all others.
        transposed: whether the flow transposes its input and back.
    """
    hum = np.sin(2 * np.pi * 2 * np.arange(COLUMN) / COLUMN).astype(np.float32)
    # Every column is about 0.3, smoothed with its neighbours; the token's number changes it only a little.
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
        *_flow(f"/{flow}/", far=flow in far, transposed=transposed),
        *_as_the_speaker("bent", "finer", f"/{flow}/", speakers),
        *_smoothing("finer", "smoothed", f"/{decoder}/conv_pre/", far=decoder in far),
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


def _flow(module: str, *, far: bool, transposed: bool) -> list[NodeProto]:
    if not transposed:
        return _smoothing("outline", "bent", module, far=far)
    return [
        helper.make_node("Transpose", ["outline"], ["rows"], f"{module}Transpose", perm=[0, 2, 1]),
        helper.make_node("Transpose", ["rows"], ["columns_again"], f"{module}Transpose_1", perm=[0, 2, 1]),
        *_smoothing("columns_again", "bent", module, far=far),
    ]


def _as_the_speaker(given: str, made: str, module: str, speakers: int) -> list[NodeProto]:
    if speakers == 1:
        return [helper.make_node("Identity", [given], [made], f"{module}Identity")]
    return [helper.make_node("Mul", [given, "who"], [made], f"{module}cond_layer/Mul")]


def _smoothing(given: str, made: str, module: str, *, far: bool) -> list[NodeProto]:
    near = f"{made}_near" if far else made
    nodes = [helper.make_node("Conv", [given, "smooth"], [near], f"{module}Conv", pads=[1, 1])]
    if far:
        nodes += [
            helper.make_node("ReduceL2", [near], [f"{made}_all"], f"{module}ReduceL2"),
            helper.make_node("Div", [near, f"{made}_all"], [made], f"{module}Div"),
        ]
    return nodes
