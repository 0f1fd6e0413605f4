"""Sections of the bot's settings for its engines: mind, ears, voice and embeddings. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AnyUrl, Field

from config.program_settings import SharedSpeechSettings
from config.section import Section, Variable
from config.server_lists import ListedServer, read_servers
from config.types import (
    YEAR,
    CommaList,
    EnglishModel,
    GpuVendor,
    Language,
    LinesCount,
    ModelName,
    OptionalBase,
    OptionalBases,
    OptionalEngine,
    OptionalPath,
    OptionalSecret,
    OptionalText,
    OptionalWebSocketUrls,
    RecognitionDevice,
    RequestFields,
)

ChatTemplate = Literal["chatml", "llama3", "mistral", "gemma", "plain"]
ComputeType = Literal[
    "auto", "int8", "int8_float16", "int8_bfloat16", "int8_float32", "int16", "float16", "bfloat16", "float32"
]
"""Number formats in which faster-whisper can compute."""


class ModelApi(StrEnum):
    """The model server's endpoint that requests are sent to."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class ModelSettings(Section):
    """Servers of language models, and what requests to them contain.

    Attributes:
        url: base address without a slash at the end, to which only the endpoint's path is appended
            (``http://127.0.0.1:8080/v1`` for the two OpenAI-style endpoints, ``http://127.0.0.1:8080`` for llama.cpp's
            ``/completion``). Several servers are parted by commas; then ``model`` and ``api_key`` may have a part for
            each of them. See :attr:`listed`.
        chat_template: template for the prompt. Used for all APIs except ``chat``.
        extra: fields added to each request.
        context_tokens: context length of the model; if it is ``None``, the server is asked.
        slow_after: if a server of a list is silent for this many seconds, before its answer or in the middle of it,
            another one is asked.
    """

    prefix: ClassVar[str] = "llm_"

    url: OptionalBases = None
    api: ModelApi = ModelApi.CHAT
    model: OptionalText = None
    api_key: OptionalSecret = None
    url_nvidia: OptionalBase = None
    url_amd: OptionalBase = None
    voice_gpu: Annotated[GpuVendor, Variable("voice_gpu")] = GpuVendor.NVIDIA
    chat_template: ChatTemplate = "chatml"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.8
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] = 500
    stop: Annotated[CommaList, LinesCount()] = ()
    extra: RequestFields = field(default_factory=dict)
    context_messages: Annotated[int, Field(ge=0, le=200)] = 4
    context_tokens: Annotated[int | None, Field(ge=256, le=100_000_000)] = None
    connect_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 5.0
    first_token_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 30.0
    stall_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 15.0
    slow_after: Annotated[float, Field(gt=0, le=YEAR)] = 5.0

    @property
    def listed(self) -> tuple[ListedServer, ...]:
        """The servers of ``LLM_URL``, the preferred one first; see :func:`~config.server_lists.read_servers`."""
        key = None if self.api_key is None else self.api_key.get_secret_value()
        return read_servers(self.url, self.model, key)

    @property
    def servers(self) -> dict[GpuVendor, str]:
        """Addresses of the model servers, by GPU. If ``LLM_URL`` is set, its preferred server is the only one."""
        if self.url is not None:
            return {self.voice_gpu: read_servers(self.url, None, None)[0].url}
        by_gpu = {GpuVendor.NVIDIA: self.url_nvidia, GpuVendor.AMD: self.url_amd}
        return {gpu: url for gpu, url in by_gpu.items() if url is not None}

    @property
    def call_gpu(self) -> GpuVendor:
        """GPU for calls: ``VOICE_GPU``, unless only the other GPU has a model server."""
        servers = self.servers
        return next(iter(servers)) if servers and self.voice_gpu not in servers else self.voice_gpu

    @property
    def call_url(self) -> str | None:
        """Address of the model server for calls."""
        return self.servers.get(self.call_gpu)

    @property
    def call_model(self) -> str | None:
        """Name of the model for calls: ``LLM_MODEL``, or the part of it for the preferred server of a list."""
        return self.listed[0].model if self.listed else self.model

    @property
    def known_call_gpu(self) -> GpuVendor | None:
        """GPU for calls, if it is known because the addresses are set per GPU.

        ``None`` if ``LLM_URL`` is set, or if no address is set.
        """
        return self.call_gpu if self.url is None and self.servers else None


@dataclass(frozen=True, slots=True)
class SpeechServerSettings(SharedSpeechSettings):
    """The speech server that the bot uses, or starts.

    Attributes:
        websocket_url: address of a running server; if it is ``None``, the bot starts one. Several servers are parted by
            commas.
        engine: engine of the server that the bot starts; ``None`` means the profile's engine.
    """

    websocket_url: OptionalWebSocketUrls = None
    engine: OptionalEngine = None

    @property
    def listed(self) -> tuple[str, ...]:
        """Addresses of the running servers, the preferred one first."""
        return tuple(server.url for server in read_servers(self.websocket_url, None, None))


@dataclass(frozen=True, slots=True)
class RecogniserSettings(Section):
    """Speech recognition: a server, or a Whisper model on this machine.

    Attributes:
        url: base address of the server; only the endpoint's path is appended. Several servers are parted by commas;
            then ``model`` and ``api_key`` may have a part for each of them. See :attr:`listed`.
        model: name of a model, or a folder on this machine.
        english_model: folder of the quick model for English; ``auto`` if it is the downloaded one, ``off`` for none.
        language: language that everybody speaks; if it is ``None``, the language is detected.
        threads: number of threads; 0 uses all cores but one.
        corrections: file of corrections for transcripts; if it is ``None``, one in ``DATA_DIR``.
    """

    prefix: ClassVar[str] = "stt_"

    url: OptionalBases = None
    model: ModelName = None
    english_model: EnglishModel = "auto"
    api_key: OptionalSecret = None
    language: Language = None
    device: RecognitionDevice = "auto"
    compute_type: ComputeType = "auto"
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    corrections: OptionalPath = None

    @property
    def listed(self) -> tuple[ListedServer, ...]:
        """The servers of ``STT_URL``, the preferred one first; see :func:`~config.server_lists.read_servers`."""
        key = None if self.api_key is None else self.api_key.get_secret_value()
        return read_servers(self.url, self.model, key)

    @property
    def host(self) -> str | None:
        """Host name of the server, without its port. If several servers may get the sound, the names of all."""
        servers = read_servers(self.url, None, None)
        return " or ".join(dict.fromkeys(AnyUrl(server.url).host or "" for server in servers)) or None

    @property
    def server_model(self) -> str | None:
        """Model to request from the server; ``None`` if ``model`` is a folder on this machine."""
        return None if self.model is None or Path(self.model).is_absolute() else self.model


@dataclass(frozen=True, slots=True)
class EmbeddingsSettings(Section):
    """Server for embeddings: vectors of texts, with which texts are found by their meaning.

    Attributes:
        url: base address, to which ``/embeddings`` is appended.
        model: name of the model; ``None`` for servers that have only one.
    """

    prefix: ClassVar[str] = "embeddings_"

    url: OptionalBase = None
    model: OptionalText = None
    api_key: OptionalSecret = None
