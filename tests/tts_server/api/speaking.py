"""Requests to the speech endpoint, and decoding of its answers."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.tts_server.client import RunningServer

PATH = "/v1/audio/speech"


def post(server: RunningServer, **body: Any) -> Any:
    return server.session.post(server.url(PATH), json={"model": "tts-1", "voice": "alloy", **body})


def played(data: bytes) -> tuple[NDArray[np.float32], int]:
    """Decode a file without being told its format. Returns its samples and its rate in Hz."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", "mono", stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), stream.rate
