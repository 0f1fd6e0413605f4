"""The same network, with its convolutions over time written as those over pictures of one row.

ONNX Runtime computes the latter faster, for it has them in a layout of their own.
"""

from __future__ import annotations

import numpy as np
from onnx import AttributeProto, ModelProto, helper, numpy_helper

_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
_ROW_AXIS = "seiyuu/row_axis"
_IN_ROWS = "seiyuu/rows/"


def with_rows(network: ModelProto) -> ModelProto:
    """Rewrite it: its inputs and outputs stay as they are, and within, tensors have a row more.

    Of what is not made of convolutions and of numbers worked on one by one, something else may come, or an error:
    compare.
    """
    rewritten = ModelProto()
    rewritten.CopyFrom(network)
    graph = rewritten.graph
    given, made = ([value.name for value in values] for values in (graph.input, graph.output))
    outside = {*given, *made}
    weights = {initializer.name: initializer for initializer in graph.initializer}
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name in outside:
                    names[place] = f"{_IN_ROWS}{name}"
        if node.op_type not in _CONVOLUTIONS:
            continue
        # An array of weights may be used more than once.
        if len(node.input) > 1 and (weight := weights.get(node.input[1])) is not None and len(weight.dims) == 3:
            weight.dims.insert(2, 1)
        for attribute in node.attribute:
            _give_a_row(attribute)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(helper.make_node("Unsqueeze", [name, _ROW_AXIS], [f"{_IN_ROWS}{name}"]) for name in given)
    graph.node.extend(nodes)
    graph.node.extend(helper.make_node("Squeeze", [f"{_IN_ROWS}{name}", _ROW_AXIS], [name]) for name in made)
    graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), _ROW_AXIS))
    return rewritten


def _give_a_row(attribute: AttributeProto) -> None:
    match attribute.name:
        case "kernel_shape" | "dilations" | "strides":
            attribute.ints.insert(0, 1)
        case "output_padding":
            attribute.ints.insert(0, 0)
        case "pads":
            begin, end = attribute.ints
            del attribute.ints[:]
            attribute.ints.extend([0, begin, 0, end])
