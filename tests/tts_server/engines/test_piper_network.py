"""Tests of dividing Piper's networks: where they can be divided, and that the parts give the same result as the whole.

The sound of a clause is computed in pieces. A long piece is divided into lanes: sections that are computed in parallel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from audio.samples import Samples
from tests.tts_server.engines.toy_piper import RATE, network
from tts_server.engines.piper.network import DECODER, FLOW, Network, NetworkInput, divide, read_network
from tts_server.engines.piper.stage import with_2d_convolutions

UNKNOWN_NAMES = {"flow": "bend", "dec": "vocoder"}
"""Other names for the modules ``flow`` and ``dec``. A network with these names is not divided."""


@pytest.mark.parametrize("speaker", [None, 1])
@pytest.mark.parametrize(
    ("kind", "stages"),
    [
        ({}, 2),
        ({"transposed": True}, 2),
        ({"flow": "bend"}, 1),
        ({"far": ["flow"]}, 1),
        ({"far": ["dec"]}, 0),
        ({"far": ["flow", "dec"]}, 0),
        ({"decoder": "vocoder"}, 0),
        ({"flow": "bend", "decoder": "vocoder"}, 0),
    ],
)
def test_a_network_is_divided_as_far_as_possible_and_sounds_like_the_whole(
    tmp_path: Path, kind: dict[str, Any], stages: int, speaker: int | None
) -> None:
    speakers = 1 if speaker is None else 2
    far = [UNKNOWN_NAMES[module] for module in kind.get("far", ())]
    undivided = network(speakers=speakers, flow=UNKNOWN_NAMES["flow"], decoder=UNKNOWN_NAMES["dec"], far=far)
    whole = _said(_load(tmp_path / "whole.onnx", undivided, speaker), speaker)
    divided = _load(tmp_path / "divided.onnx", network(speakers=speakers, **kind), speaker)
    pieces = _said(divided, speaker)
    assert len(divided.stages) == stages
    assert len(whole) == 1
    assert (len(pieces) > 1) == (stages > 0)
    np.testing.assert_allclose(np.concatenate(pieces), whole[0], atol=1e-5)


@pytest.mark.parametrize("speaker", [None, 1])
@pytest.mark.parametrize("lanes", [2, 3])
def test_long_pieces_are_computed_in_lanes_and_sound_like_the_whole(
    tmp_path: Path, lanes: int, speaker: int | None
) -> None:
    divided = _load(tmp_path / "toy.onnx", network(speakers=1 if speaker is None else 2), speaker, threads=lanes)
    decoder = divided.stages[-1]
    assert decoder.lanes == lanes
    used_lanes, run = set[int](), decoder.run_in_lanes

    def recording_run(tensors: Any, begin: int, end: int, options: Any, lanes: int) -> Any:
        used_lanes.add(lanes)
        return run(tensors, begin, end, options, lanes)

    decoder.run_in_lanes = recording_run  # type: ignore[method-assign]
    pieces = _said(divided, speaker)
    decoder.lanes = 1
    # The first piece is too short for a second lane. At least one other piece is long enough for all lanes.
    assert {1, lanes} <= used_lanes
    np.testing.assert_allclose(np.concatenate(pieces), np.concatenate(_said(divided, speaker)), atol=1e-5)


def test_the_flow_is_computed_only_as_far_as_the_decoder_needs_it(tmp_path: Path) -> None:
    divided = _load(tmp_path / "toy.onnx", network(), None)
    flow, decoder = divided.stages
    computed, run = list[tuple[int, int]](), flow.run

    def recording_run(tensors: Any, begin: int, end: int, options: Any) -> Any:
        computed.append((begin, end))
        return run(tensors, begin, end, options)

    flow.run = recording_run  # type: ignore[method-assign]
    first = next(sound := divided.speak(_network_input(200, None), onnxruntime.RunOptions()))
    assert computed == [(0, len(first) // decoder.scale + decoder.context)]
    list(sound)
    # The flow computes each frame once.
    assert [begin for begin, _ in computed[1:]] == [end for _, end in computed[:-1]]
    assert computed[-1][1] == 4 * 200


@pytest.mark.parametrize(("speakers", "who"), [(1, set()), (2, {"who"})])
def test_each_part_takes_the_output_of_the_part_before_and_the_speaker(speakers: int, who: set[str]) -> None:
    parts = divide(onnx.load_from_string(network(speakers=speakers)), (FLOW, DECODER))
    assert parts is not None
    assert {output.name for output in parts.first.graph.output} == {"outline", *who}
    flow, decoder = ({value.name for value in part.graph.input} for part in parts.rest)
    assert (flow, decoder) == ({"outline", *who}, {"finer", *who})


@pytest.mark.parametrize("module", [0, 1])
def test_2d_convolutions_give_the_same_result(module: int) -> None:
    parts = divide(onnx.load_from_string(network(speakers=2)), (FLOW, DECODER))
    assert parts is not None
    part = parts.rest[module]
    rng = np.random.default_rng(5)
    given = {value.name: rng.random((1, 1, 1 if value.name == "who" else 40), np.float32) for value in part.graph.input}
    plain, rewritten = (
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, given)[0]
        for model in (part, with_2d_convolutions(part))
    )
    assert plain.shape == rewritten.shape
    np.testing.assert_allclose(rewritten, plain, atol=1e-6)


def test_a_file_that_is_not_a_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "toy.onnx"
    file.write_bytes(b"\x00no network")
    with pytest.raises(ValueError, match=r"\S"):
        read_network(file)
    with pytest.raises(OSError, match="No such file"):
        read_network(tmp_path / "nothing.onnx")


def _load(file: Path, written: bytes, speaker: int | None, threads: int = 1) -> Network:
    file.write_bytes(written)
    return Network(file, threads, RATE, _network_input(60, speaker))


def _said(loaded: Network, speaker: int | None) -> list[Samples]:
    return list(loaded.speak(_network_input(200, speaker), onnxruntime.RunOptions()))


def _network_input(tokens: int, speaker: int | None) -> NetworkInput:
    return NetworkInput([1 + number % 200 for number in range(tokens)], speaker, (0.6, 1.0, 0.8))
