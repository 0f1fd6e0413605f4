"""A Piper network in two halves: the first makes a clause's sound in outline, the second its waves, piece by piece.

A network is one graph, which gives a clause's sound only as a whole. Nearly all of its work is in the decoder, behind
a single tensor that has a column, 256 samples or so, for each moment. A column's samples depend on some columns around
it and on nothing else, so the decoder can be given a few at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

_DECODER = "/dec/"
"""How the decoder's nodes are called in a network that PyTorch has written: after the module ``dec``."""
_FIRST = "/dec/conv_pre/"
"""The first of them that takes the outline."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Two networks, as ONNX files.

    Attributes:
        outline: the tensor between them that has a column a moment.
        others: what else the second takes from the first, such as who speaks.
    """

    first: bytes
    second: bytes
    outline: str
    others: tuple[str, ...]


def divide(network: Path) -> Halves | None:
    """Cut it in two; ``None`` where it has no such place. Takes half a second, and memory three times its size.

    Raises:
        ValueError: it is not an ONNX file.
        OSError: it can't be read.
    """
    try:
        model = onnx.load(str(network), load_external_data=False)
    except OSError:
        raise
    # The library that parses raises errors of its own kind.
    except Exception as error:
        raise ValueError(str(error)) from error
    graph = model.graph
    known = {initializer.name for initializer in graph.initializer}
    decoder = [node for node in graph.node if node.name.startswith(_DECODER)]
    made = {output for node in decoder for output in node.output}
    taken = dict.fromkeys(name for node in decoder for name in node.input if name and name not in known | made)
    outlines = [node.input[0] for node in decoder if node.name.startswith(_FIRST) and node.input[0] in taken]
    if len(outlines) != 1 or not graph.output:
        return None
    cut = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in taken]
    first = _part(model, graph.input, cut)
    second = _part(model, cut, graph.output[:1])
    if first is None or second is None:
        return None
    others = tuple(name for name in taken if name != outlines[0])
    return Halves(first.SerializeToString(), second.SerializeToString(), outlines[0], others)


def _part(model: ModelProto, given: Iterable[ValueInfoProto], wanted: Iterable[ValueInfoProto]) -> ModelProto | None:
    """What makes ``wanted`` of ``given``; ``None`` where that is not enough."""
    graph: GraphProto = model.graph
    given, wanted = list(given), list(wanted)
    makers = {output: number for number, node in enumerate(graph.node) for output in node.output}
    constants = {initializer.name for initializer in graph.initializer}
    needed, kept, used = [value.name for value in wanted], set[int](), {value.name for value in given}
    while needed:
        name = needed.pop()
        if not name or name in used:
            continue
        used.add(name)
        if name in constants:
            continue
        if (maker := makers.get(name)) is None:
            return None
        kept.add(maker)
        needed += graph.node[maker].input
    part = helper.make_graph(
        [graph.node[number] for number in sorted(kept)],
        graph.name,
        given,
        wanted,
        [initializer for initializer in graph.initializer if initializer.name in used],
    )
    return helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
