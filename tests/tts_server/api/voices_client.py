"""A client of ``/v1/voices``, and a server whose engine can clone voices."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.project import child_environment
from tests.forked import RECORDINGS, Forked, forks
from tests.tts_server.client import RunningServer, running_with
from tts_server.engines.base import SpeechEngine
from tts_server.engines.stand_in import StandInEngine
from tts_server.voices import reading
from tts_server.voices.library import VoiceLibrary
from wire.presets import Presets


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; ``body`` is the parsed JSON, if it was JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]
    raw: bytes

    @property
    def code(self) -> str | None:
        """The code of an error response."""
        error = self.body["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        return str(error["code"]) if error["code"] else None


@dataclass
class VoicesClient:
    server: RunningServer
    library: VoiceLibrary
    folder: Path

    async def request(self, method: str, path: str, data: Any = None, **options: Any) -> Answer:
        address = self.server.url("/v1/voices" + path)
        async with self.server.session.request(method, address, data=data, **options) as answer:
            raw = await answer.read()
            body = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, body, dict(answer.headers), raw)

    async def create(
        self, name: str, *recordings: bytes, language: str | None = None, file_name: str = "voice-message.ogg"
    ) -> Answer:
        form = recordings_form(recordings, file_name)
        form.add_field("name", name)
        if language is not None:
            form.add_field("language", language)
        return await self.request("POST", "", form)

    def written(self) -> list[str]:
        """All files and folders in the voices folder and its parent."""
        # Path.rglob fails if a folder is deleted meanwhile.
        found = (
            Path(folder) / name for folder, folders, files in os.walk(self.folder.parent) for name in folders + files
        )
        return sorted(str(path.relative_to(self.folder.parent)) for path in found)


def recordings_form(recordings: Sequence[bytes], file_name: str = "voice-message.ogg") -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for recording in recordings:
        form.add_field("recording", recording, filename=file_name, content_type="audio/ogg")
    return form


@asynccontextmanager
async def voices_client(
    folder: Path,
    engine: Callable[..., SpeechEngine] = StandInEngine,
    *,
    forked_readers: bool = True,
    presets: Presets | None = None,
) -> AsyncIterator[VoicesClient]:
    """Run a server with an empty library in ``folder``, and yield a client.

    The processes that read recordings are forked, unless they are to be started as the server starts them.
    """
    library = VoiceLibrary(folder / "voices")
    library.load()
    speaking = engine(0.0, 0.0, profiles=library)
    with pytest.MonkeyPatch.context() as patch:
        if forked_readers:
            patch.setattr(reading, "start_reader", _fork_reader)
        async with running_with(library, [speaking], presets=presets) as server:
            yield VoicesClient(server, library, folder / "voices")


async def _fork_reader(source: Path, target: Path) -> Forked:
    """Fork the process of :func:`tts_server.voices.reading.start_reader`, which saves the 0.3 s of its imports."""
    environment = child_environment(reading.LOW_MEMORY_ENVIRONMENT)
    return await forks(*RECORDINGS).start(
        *(reading.READER, str(source), str(target)), folder=Path.cwd(), environment=environment, stderr=2
    )
