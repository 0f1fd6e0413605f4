"""A Piper network in parts: the first makes a clause's sound in outline, those behind it its waves, piece by piece.

A network is one graph, which gives a clause's sound only as a whole. Most of its work is in two modules: the flow,
which makes the outline finer, and the decoder, which makes waves of it. Both are given tensors that have a column, 256
samples or so, for each moment. What they make of a column depends on some columns around it and on nothing else, so
they can be given a few at a time. All that is left to chance is drawn before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper

FLOW, DECODER = "/flow/", "/dec/"
"""How a module's nodes are called in a network that PyTorch has written."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Networks that together are one.

    Attributes:
        first: takes what the whole takes, and makes what those behind it take.
        rest: one for each module. It takes what the part before it makes, and may take more of the first, such as who
            speaks.
    """

    first: ModelProto
    rest: tuple[ModelProto, ...]


def read_network(file: Path) -> ModelProto:
    """Parse it.

    Raises:
        ValueError: it is not an ONNX file.
        OSError: it can't be read.
    """
    try:
        return onnx.load(str(file), load_external_data=False)
    except OSError:
        raise
    # The library that parses raises errors of its own kind.
    except Exception as error:
        raise ValueError(str(error)) from error


def divide(network: ModelProto, modules: Sequence[str]) -> Parts | None:
    """Cut it before each of ``modules``; ``None`` where it has no such places. Takes twice its memory."""
    graph = network.graph
    if not graph.output:
        return None
    behind_first = _behind(graph, modules[0])
    output, from_first, rest = graph.output[0], dict[str, None](), list[ModelProto]()
    for module in reversed(modules):
        behind = _behind(graph, module)
        if output.name not in behind:
            return None
        taken = _taken(graph, output.name, behind)
        part = _part(network, map(_floats, taken), [output])
        between = [name for name in taken if name in behind_first]
        if part is None or len(between) != (module != modules[0]):
            return None
        rest.insert(0, part)
        from_first |= dict.fromkeys(name for name in taken if name not in between)
        output = _floats(*between) if between else output
    first = _part(network, graph.input, map(_floats, from_first))
    return None if first is None else Parts(first, tuple(rest))


def _floats(name: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def _behind(graph: GraphProto, module: str) -> set[str]:
    """What the module's nodes make, and all that depends on it."""
    behind = set[str]()
    for node in graph.node:
        if node.name.startswith(module) or not behind.isdisjoint(node.input):
            behind.update(node.output)
    return behind


def _taken(graph: GraphProto, wanted: str, behind: set[str]) -> list[str]:
    """What is not ``behind`` and is needed there to make ``wanted``, without constants."""
    makers = {output: node for node in graph.node for output in node.output}
    constants = {initializer.name for initializer in graph.initializer}
    constants.update(name for name, node in makers.items() if node.op_type == "Constant")
    needed, seen, taken = [wanted], {"", *constants}, list[str]()
    while needed:
        for name in makers[needed.pop()].input:
            if name not in seen:
                seen.add(name)
                (needed if name in behind else taken).append(name)
    return taken


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
