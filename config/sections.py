"""The sections of the bot's settings: what the operator decides about each part. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AnyUrl, Field

from config.program_settings import SharedSpeechSettings
from config.section import Section, Variable
from config.types import (
    YEAR,
    BargeIn,
    Channel,
    Channels,
    CommaList,
    Language,
    LinesCount,
    ModelName,
    OptionalBase,
    OptionalEngine,
    OptionalPath,
    OptionalPersona,
    OptionalSecret,
    OptionalText,
    OptionalWebSocketUrl,
    Permitted,
    PermittedOnCall,
    PermittedOrNobody,
    QuietHours,
    Rate,
    RecognitionDevice,
    RequestFields,
    WebAddresses,
)

ChatTemplate = Literal["chatml", "llama3", "mistral", "gemma", "plain"]
ComputeType = Literal[
    "auto", "int8", "int8_float16", "int8_bfloat16", "int8_float32", "int16", "float16", "bfloat16", "float32"
]
"""In what numbers faster-whisper computes."""


class Card(StrEnum):
    """One of the two graphics cards that a model server may stand for."""

    NVIDIA = "nvidia"
    AMD = "amd"


class AnswerPolicy(StrEnum):
    """Which of the remarks in a voice channel are answered."""

    ALWAYS = "always"
    NAME = "name"
    SMART = "smart"
    """Everything of who is alone with the bot; else what names it, or goes on with a conversation with it."""


class ListeningPolicy(StrEnum):
    """Who is listened to that has not said anything about it."""

    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"


class Captions(StrEnum):
    """Where it is written down who said what."""

    OFF = "off"
    CHANNEL = "channel"
    THREAD = "thread"


class ModelApi(StrEnum):
    """Which endpoint of the model server is asked."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class PermitSettings(Section):
    """Who may do what; see :class:`bot.access.Permit`. ``talk``: who is answered in a call."""

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
    """Calls.

    Attributes:
        enabled: whether there are any.
        prompt_channel: the name or id of the channel in which people type to it; ``None``: where they asked for it.
        alone_timeout: seconds without any person after which a call ends.
        voiceless_timeout: seconds without the speech server after which it ends.
        listening: who is listened to that has not said anything about it.
        answer_to: which remarks of several people are answered.
        barge_in: who may interrupt.
        captions: where it is written who said what, until somebody chooses otherwise.
        remake_recordings: whether a better voice says recorded answers again, after the call.
    """

    prefix: ClassVar[str] = ""

    enabled: Annotated[bool, Variable("voice_enabled")] = True
    prompt_channel: Channel = None
    alone_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 120.0
    voiceless_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 300.0
    listening: ListeningPolicy = ListeningPolicy.OPT_OUT
    answer_to: AnswerPolicy = AnswerPolicy.SMART
    barge_in: BargeIn = "everyone"
    captions: Captions = Captions.OFF
    remake_recordings: bool = False


@dataclass(frozen=True, slots=True)
class ModelSettings(Section):
    """Where the model servers are, and how they are asked.

    Attributes:
        url: the whole base, without a slash at the end: nothing but the endpoint's own path is appended
            (``http://127.0.0.1:8080/v1`` for the two OpenAI-style endpoints, ``http://127.0.0.1:8080`` for llama.cpp's
            ``/completion``).
        chat_template: by which we write the prompt ourselves, for every API but ``chat``.
        extra: merged into each request.
        context_tokens: the model's context; ``None`` where the server is to tell it.
    """

    prefix: ClassVar[str] = "llm_"

    url: OptionalBase = None
    api: ModelApi = ModelApi.CHAT
    model: OptionalText = None
    api_key: OptionalSecret = None
    url_nvidia: OptionalBase = None
    url_amd: OptionalBase = None
    voice_gpu: Annotated[Card, Variable("voice_gpu")] = Card.NVIDIA
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

    @property
    def servers(self) -> dict[Card, str]:
        """The servers' addresses, by the card that each stands for; ``LLM_URL`` alone serves everything."""
        if self.url is not None:
            return {self.voice_gpu: self.url}
        by_card = {Card.NVIDIA: self.url_nvidia, Card.AMD: self.url_amd}
        return {card: url for card, url in by_card.items() if url is not None}

    @property
    def call_card(self) -> Card:
        """The card that serves calls: ``VOICE_GPU``, unless the other one alone has a model server."""
        servers = self.servers
        return next(iter(servers)) if servers and self.voice_gpu not in servers else self.voice_gpu

    @property
    def call_url(self) -> str | None:
        """The server for calls: ``LLM_URL``, else the one of the card that ``VOICE_GPU`` names."""
        return self.servers.get(self.call_card)

    @property
    def named_card(self) -> Card | None:
        """The card that serves calls, where the operator runs one model server a card."""
        return self.call_card if self.url is None and self.servers else None


@dataclass(frozen=True, slots=True)
class SpeechServerSettings(SharedSpeechSettings):
    """The speech server as the bot knows it.

    Attributes:
        websocket_url: of one that runs already; ``None``: the bot starts one of its own.
        engine: of its own one; ``None``: the profile's.
    """

    websocket_url: OptionalWebSocketUrl = None
    engine: OptionalEngine = None


@dataclass(frozen=True, slots=True)
class RecogniserSettings(Section):
    """What turns speech into text: a server, or a Whisper on this machine.

    Attributes:
        url: the server's whole base, to which only the endpoint's path is added.
        model: a name, or a folder on this machine.
        language: that everybody speaks; ``None`` finds it out.
        threads: 0 for all cores but one.
        corrections: the file of what is put right in what is heard.
    """

    prefix: ClassVar[str] = "stt_"

    url: OptionalBase = None
    model: ModelName = None
    api_key: OptionalSecret = None
    language: Language = None
    device: RecognitionDevice = "auto"
    compute_type: ComputeType = "auto"
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    corrections: OptionalPath = None

    @property
    def host(self) -> str | None:
        """The server, without its port."""
        return None if self.url is None else AnyUrl(self.url).host

    @property
    def server_model(self) -> str | None:
        """The model that the server is asked for; a folder on this machine means nothing to it."""
        return None if self.model is None or Path(self.model).is_absolute() else self.model


@dataclass(frozen=True, slots=True)
class ChatSettings(Section):
    """Written answers.

    Attributes:
        channels: names and ids of channels in which every message is answered.
        memory_messages: how many messages of a channel are kept.
        context_messages: how many of them the model sees.
        rate: how often somebody is answered.
    """

    prefix: ClassVar[str] = "chat_"

    channels: Channels = ()
    memory_messages: Annotated[int, Field(ge=2, le=10_000)] = 200
    context_messages: Annotated[int, Field(ge=0, le=200)] = 20
    rate: Rate = "10/60"


@dataclass(frozen=True, slots=True)
class VisionSettings(Section):
    """Where the vision model is, and how much is looked at.

    Attributes:
        llm_url: ends where ``/chat/completions`` begins.
        max_mb: of a file.
        max_frames: of a message.
    """

    prefix: ClassVar[str] = "vision_"

    llm_url: OptionalBase = None
    llm_model: OptionalText = None
    llm_api_key: OptionalSecret = None
    max_mb: Annotated[float, Field(gt=0, le=500)] = 20.0
    max_frames: Annotated[int, Field(ge=1, le=32)] = 6

    @property
    def max_bytes(self) -> int:
        """Of a file."""
        return round(self.max_mb * (1 << 20))


@dataclass(frozen=True, slots=True)
class DrawSettings(Section):
    """Where drawings are made, and how."""

    prefix: ClassVar[str] = "draw_"

    url: Annotated[OptionalBase, Variable("comfyui_url")] = None
    workflow: Annotated[OptionalPath, Variable("comfyui_workflow")] = None
    timeout: Annotated[float, Field(gt=0, le=YEAR)] = 300.0
    rate: Rate = "3/600"


@dataclass(frozen=True, slots=True)
class BipolarSettings(Section):
    """With whom the bot argues, and when; a channel gets peace for ``cooldown``."""

    prefix: ClassVar[str] = "bipolar_"

    twin: OptionalPersona = None
    threshold: Annotated[float, Field(gt=0, le=1_000_000)] = 10.0
    turns: Annotated[int, Field(ge=2, le=20)] = 6
    cooldown: Annotated[float, Field(ge=0, le=YEAR)] = 3600.0


@dataclass(frozen=True, slots=True)
class AvatarSettings(Section):
    """The folder of the bot's pictures, and the hours between two changes."""

    prefix: ClassVar[str] = "avatar_"

    folder: OptionalPath = None
    hours: Annotated[float, Field(ge=0.5, le=YEAR // 3600)] = 24.0


@dataclass(frozen=True, slots=True)
class AutonomousSettings(Section):
    """About how many minutes lie between two remarks in a channel, and the hours of the day without any."""

    prefix: ClassVar[str] = "autonomous_"

    minutes: Annotated[float, Field(ge=1, le=YEAR // 60)] = 90.0
    quiet_hours: Annotated[QuietHours, Variable("quiet_hours")] = "23-8"


@dataclass(frozen=True, slots=True)
class FigurineSettings(Section):
    """The feeds' addresses, and the minutes between two looks at each."""

    prefix: ClassVar[str] = "figurine_"

    feeds: WebAddresses = ()
    minutes: Annotated[float, Field(ge=1, le=YEAR // 60)] = 30.0

    @property
    def period(self) -> float:
        """Between two looks at a feed, in seconds."""
        return 60 * self.minutes
