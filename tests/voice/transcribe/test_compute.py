"""Tests of the fallback to other compute devices if a GPU does not work, and of the reason, which is reported once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bot.voice.transcribe.compute import ComputeDevice, is_device_error, plan
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber

SOUND = np.full(32_000, 0.1, np.float32)


@asynccontextmanager
async def transcribing_with(
    fault: str, device: str = "auto", compute_type: str = "auto"
) -> AsyncIterator[WhisperTranscriber]:
    options = WhisperOptions("some-model", device, compute_type=compute_type)
    program = ("-m", "tests.voice.transcribe.faulty_machine", fault)
    transcriber = WhisperTranscriber(options, Corrections(), program=program)
    yield transcriber
    await transcriber.close()


async def transcribe(transcriber: WhisperTranscriber) -> str:
    return (await transcriber.transcribe(TranscriptionRequest(SOUND, Urgency.FINAL))).text


@pytest.mark.parametrize(
    ("fault", "device", "compute_type", "where", "why"),
    [
        ("nothing", "auto", "auto", "cuda:0 in float16", ""),
        ("nothing", "cuda:1", "int8_float16", "cuda:1 in int8_float16", ""),
        ("nothing", "cpu", "auto", "cpu in int8", ""),
        ("no card", "auto", "auto", "cpu in int8", ""),
        ("no card", "cuda", "auto", "cpu in int8", "no graphics card"),
        ("nothing", "cuda:7", "auto", "cpu in int8", "no graphics card cuda:7"),
        ("no cublas", "auto", "auto", "cpu in int8", "libcublas.so.12 is missing"),
        ("no cublas at the first sound", "cuda", "auto", "cpu in int8", "libcublas.so.12 is missing"),
        ("no float16", "auto", "auto", "cuda:0 in int8", "graphics card can't compute in float16"),
        ("no float16", "cuda:1", "float16", "cuda:1 in int8", "graphics card can't compute in float16"),
        ("nothing", "cpu", "float16", "cpu in int8", "processor can't compute in float16"),
        ("no cudnn", "auto", "auto", "cpu in int8", "cuDNN"),
    ],
)
async def test_another_device_is_used_and_the_reason_is_reported_once(
    fault: str, device: str, compute_type: str, where: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with transcribing_with(fault, device, compute_type) as transcriber:
        await transcriber.warm_up()
        assert [await transcribe(transcriber), await transcribe(transcriber)] == [f"I run on {where}."] * 2
        said = [record for record in caplog.records if record.levelno >= logging.WARNING and "falls back" in record.msg]
        assert len(said) == bool(why)
        assert why in transcriber.describe()
        assert ("⚠️" in transcriber.describe()) == bool(why)


async def test_no_turn_is_lost_if_a_gpu_is_full_later() -> None:
    async with transcribing_with("full later") as transcriber:
        await transcriber.warm_up()
        assert await transcribe(transcriber) == "I run on cpu in int8."
        assert "the graphics card is full" in transcriber.describe()


async def test_the_error_names_a_model_that_works_on_no_device() -> None:
    async with transcribing_with("no model") as transcriber:
        with pytest.raises(TranscriptionError, match=r"model\.bin.*STT_MODEL"):
            await transcriber.warm_up()


def test_the_wanted_device_comes_first_and_the_cpu_last() -> None:
    devices = plan("cuda:1", "bfloat16", 2).devices
    assert devices[0] == ComputeDevice("cuda", 1, "bfloat16")
    assert [device.kind for device in devices[-2:]] == ["cpu", "cpu"]
    assert {device.index for device in devices if device.kind == "cuda"} == {1}


@pytest.mark.parametrize("error", ["cuBLAS failed with status CUBLAS_STATUS_NOT_SUPPORTED", "CUDA failed with error x"])
def test_errors_of_the_gpu_are_distinguished_from_errors_of_the_sound(error: str) -> None:
    assert is_device_error(error)
    assert not is_device_error("max() arg is an empty sequence")
