"""Sections of the bot's settings: calls, engines, the page and permits. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AnyUrl, Field

from config.addresses import host_and_port
from config.program_settings import SharedSpeechSettings
from config.section import Section, Variable
from config.server_lists import ListedServer, read_servers
from config.types import (
    YEAR,
    Address,
    BargeIn,
    Channel,
    Channels,
    CommaList,
    EnglishModel,
    GpuVendor,
    Language,
    LinesCount,
    ModelName,
    OptionalBase,
    OptionalBases,
    OptionalEngine,
    OptionalPassphrase,
    OptionalPath,
    OptionalSecret,
    OptionalText,
    OptionalWebSocketUrls,
    Origins,
    Permitted,
    PermittedOnCall,
    PermittedOrNobody,
    RecognitionDevice,
    RequestFields,
)

ChatTemplate = Literal["chatml", "llama3", "mistral", "gemma", "plain"]
ComputeType = Literal[
    "auto", "int8", "int8_float16", "int8_bfloat16", "int8_float32", "int16", "float16", "bfloat16", "float32"
]
"""Number formats in which faster-whisper can compute."""


class AnswerPolicy(StrEnum):
    """Decides which utterances in a voice channel are answered."""

    ALWAYS = "always"
    NAME = "name"
    SMART = "smart"
    """If one person is alone with the bot, every utterance is answered. Otherwise, only utterances that name the bot or
    go on talking with it are answered.
    """


class Greet(StrEnum):
    """Decides who is greeted when they join a call."""

    OFF = "off"
    FIRST = "first"
    """Each person is greeted once since the start of the bot."""
    ALL = "all"
    """Each person is greeted once in each call."""


class MoodFollows(StrEnum):
    """Decides what else may change the mood of a place, besides the people there."""

    OFF = "off"
    MODEL = "model"
    """The mood that the model names in its answers."""


class ThinkingSounds(StrEnum):
    """Decides whether a quiet sound plays while people wait for an answer."""

    OFF = "off"
    ON = "on"


class ListeningPolicy(StrEnum):
    """Whether the bot listens to people who have neither allowed nor forbidden it yet."""

    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"


class MemoryPolicy(StrEnum):
    """Whether facts about people are remembered across calls and chats."""

    ASK = "ask"
    """Each person is asked the first time that something would be kept of them."""
    ON = "on"
    """Facts about everybody who has not refused are kept."""
    OFF = "off"


class Guesses(StrEnum):
    """Whether replies are prepared at pauses, before it is certain that the person has finished."""

    AUTO = "auto"
    """Prepared, unless the service that would do it costs money; see :mod:`bot.speculation_policy`."""
    ON = "on"
    OFF = "off"


class InterimTranscripts(StrEnum):
    """Whether speech is transcribed while the person still speaks."""

    AUTO = "auto"
    """Transcribed if replies are prepared and the machine has power to spare; see :mod:`bot.speculation_policy`."""
    ON = "on"
    OFF = "off"


class Captions(StrEnum):
    """The place where captions of a call are written."""

    OFF = "off"
    CHANNEL = "channel"
    THREAD = "thread"


class ModelApi(StrEnum):
    """The endpoint of the model server to which requests are sent."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class PermitSettings(Section):
    """The people who may do each of these things; see :class:`bot.access.Permit`. ``talk``: get answers in a call."""

    prefix: ClassVar[str] = "who_may_"

    join: Permitted = "everyone"
    leave: Permitted = "everyone"
    control: PermittedOnCall = "call"
    talk: PermittedOnCall = "everyone"
    record: PermittedOrNobody = "managers"
    draw: Permitted = "everyone"
    schedule: Permitted = "managers"
    clone: Permitted = "everyone"


@dataclass(frozen=True, slots=True)
class CallSettings(Section):
    """Voice calls.

    Attributes:
        enabled: whether calls are possible.
        max_calls: largest number of calls at once, over all transports together.
        prompt_channel: name or id of the channel for typed prompts; ``None`` means the channel of the join command.
        autojoin_channels: names or ids of the voice channels into which the bot may go by itself; empty for all.
        alone_timeout: seconds without people after which a call ends.
        voiceless_timeout: seconds without the speech server after which a call ends.
        listening: whether the bot listens to people who have neither allowed nor forbidden it yet.
        answer_to: which utterances are answered if several people are in the call.
        barge_in: who may interrupt the bot.
        greet: who is greeted when they join the call.
        captions: where captions (who said what) are written, until somebody chooses otherwise.
        remake_recordings: whether a better voice speaks the recorded answers again after the call.
        interim_transcripts: whether speech is transcribed while the person still speaks.
        guesses: whether replies are prepared before it is certain that the person has finished (speculative replies).
        wrong_guesses_per_minute: the largest number of speculative replies that a call may discard in a minute.
        duck_db: how much quieter music gets while somebody speaks, in decibels.
        thinking_sound: whether a quiet sound plays while people wait for an answer.
    """

    prefix: ClassVar[str] = ""

    enabled: Annotated[bool, Variable("voice_enabled")] = True
    max_calls: Annotated[int, Field(ge=1, le=100)] = 1
    prompt_channel: Channel = None
    autojoin_channels: Channels = ()
    alone_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 120.0
    voiceless_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 300.0
    listening: ListeningPolicy = ListeningPolicy.OPT_OUT
    answer_to: AnswerPolicy = AnswerPolicy.SMART
    barge_in: BargeIn = "everyone"
    greet: Greet = Greet.OFF
    captions: Captions = Captions.OFF
    remake_recordings: bool = False
    interim_transcripts: InterimTranscripts = InterimTranscripts.AUTO
    guesses: Guesses = Guesses.AUTO
    wrong_guesses_per_minute: Annotated[int, Field(ge=1, le=1_000)] = 20
    duck_db: Annotated[float, Field(ge=0, le=60)] = 12.0
    thinking_sound: ThinkingSounds = ThinkingSounds.OFF


@dataclass(frozen=True, slots=True)
class ModelSettings(Section):
    """Model servers, and how requests are made.

    Attributes:
        url: base address without a slash at the end, to which only the endpoint's path is appended
            (``http://127.0.0.1:8080/v1`` for the two OpenAI-style endpoints, ``http://127.0.0.1:8080`` for llama.cpp's
            ``/completion``). Several servers are parted by commas; then ``model`` and ``api_key`` may have as many
            parts. See :attr:`listed`.
        chat_template: template for the prompt. Used for all APIs except ``chat``.
        extra: fields added to each request.
        context_tokens: context length of the model; if it is ``None``, the server is asked.
        slow_after: seconds to the first token after which another server of the list is asked.
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
        """Addresses of the model servers, by GPU. If ``LLM_URL`` is set, it is the only one."""
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
    """Speech server, as the bot uses it.

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
class WebSettings(Section):
    """The bot's HTTP server, with the page.

    Attributes:
        bind: address and port to listen on.
        token: secret that clients must send.
        allowed_origins: origins of other web pages that may use the server from a browser.
    """

    prefix: ClassVar[str] = "web_"

    bind: Address = "127.0.0.1:8770"
    token: OptionalPassphrase = None
    allowed_origins: Origins = ()

    @property
    def host(self) -> str:
        """Address to listen on."""
        return host_and_port(self.bind)[0]

    @property
    def port(self) -> int:
        """Port to listen on; 0 chooses a free one."""
        return host_and_port(self.bind)[1]


@dataclass(frozen=True, slots=True)
class WarningSettings(Section):
    """The values above which the view "Now" of the page warns.

    Attributes:
        stt_ms: milliseconds from a pause of speech to the words of the turn.
        tts_ms: milliseconds from the first clause of a reply to its first sound.
        first_token_ms: milliseconds from the request to the model's first token.
        gpu: how busy a card may be over a minute, as a share of 1.
    """

    prefix: ClassVar[str] = "warn_"

    stt_ms: Annotated[float, Field(gt=0, le=3_600_000)] = 500.0
    tts_ms: Annotated[float, Field(gt=0, le=3_600_000)] = 300.0
    first_token_ms: Annotated[float, Field(gt=0, le=3_600_000)] = 1000.0
    gpu: Annotated[float, Field(gt=0, le=1)] = 0.8


@dataclass(frozen=True, slots=True)
class DailySettings(Section):
    """How much of servers that cost money may be used in a day, which ends at midnight in ``TIMEZONE``; 0 is no limit.

    Attributes:
        tokens: tokens that model servers read and write.
        speech_minutes: minutes of sound that speech servers make and recognisers are sent, together.
    """

    prefix: ClassVar[str] = "daily_"

    tokens: Annotated[int, Field(ge=0, le=1_000_000_000_000)] = 0
    speech_minutes: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0


@dataclass(frozen=True, slots=True)
class RecogniserSettings(Section):
    """Speech recognition: a server, or a Whisper model on this machine.

    Attributes:
        url: base address of the server; only the endpoint's path is appended. Several servers are parted by commas;
            then ``model`` and ``api_key`` may have as many parts. See :attr:`listed`.
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
