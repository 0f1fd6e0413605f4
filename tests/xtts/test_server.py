"""The speech server with XTTS, over real sockets: a voice is cloned and then speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from config.speech_settings import EngineName, SpeechSettings
from config.types import Device
from tests.tts_server.api.voices_client import VoicesClient
from tests.tts_server.client import running_with
from tests.tts_server.voices.sounds import good_files
from tests.xtts.speaking import skip_without_libraries
from tts_server.engines.factory import create_engine
from tts_server.voices.library import VoiceLibrary
from wire.messages import Cancelled, EngineChanged, SegmentStart

skip_without_libraries()

VOICE_MESSAGE = "ogg opus, a Discord voice message"


@pytest.fixture
async def client(tmp_path: Path, weights: Path) -> AsyncIterator[VoicesClient]:
    settings = SpeechSettings.read(tts_device=Device.CPU, xtts_model=weights, tts_voices_dir=tmp_path / "voices")
    library = VoiceLibrary(settings.tts_voices_dir)
    library.load()
    engine = create_engine(EngineName.XTTS, settings, library, None)
    async with running_with(library, [engine]) as server:
        yield VoicesClient(server, library, settings.tts_voices_dir)


async def test_a_voice_is_cloned_speaks_and_is_deleted_with_its_latents(client: VoicesClient) -> None:
    made = await client.create("Miku", good_files()[VOICE_MESSAGE])
    assert (made.status, made.body["engine"]) == (201, "XTTS v2")
    assert -1 <= made.body["similarity"] <= 1
    async with client.server.connect() as speaker:
        await speaker.say("Hello there.", voice="Miku")
        assert (await speaker.hear()).samples.size > 0
    assert any(name.endswith(".safetensors") for name in client.written())
    assert (await client.request("DELETE", "/miku")).status == 204
    assert not [name for name in client.written() if "miku" in name]


async def test_the_model_is_loaded_when_a_client_connects_and_speaks_again_after_a_cancel(client: VoicesClient) -> None:
    async with client.server.connect("/ws/stream?notices=true") as speaker:
        await speaker.until(lambda event: isinstance(event, EngineChanged) and event.reason == "ready")
        await speaker.say("Nobody will hear the end of this.", voice="high-side")
        await speaker.until(SegmentStart)
        await speaker.send(cancel=True)
        await speaker.until(Cancelled)
        await speaker.say("This comes after it.", voice="low-side")
        heard = (await speaker.hear()).samples
    assert heard.size > 0
    # The sound of this voice lies below 0, that of the other one above.
    assert np.median(heard) < 0
