"""Sections of the bot's settings for its features. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from config.section import Section, Variable
from config.types import (
    YEAR,
    Channels,
    OptionalBase,
    OptionalPath,
    OptionalPersona,
    OptionalSecret,
    OptionalText,
    QuietHours,
    Rate,
    WebAddresses,
)


@dataclass(frozen=True, slots=True)
class ChatSettings(Section):
    """Text chat.

    Attributes:
        channels: names and ids of channels in which every message is answered.
        memory_messages: the largest number of messages that are kept per channel.
        context_messages: the largest number of messages that are sent to the model.
        rate: the largest number of answers per user: a count, a slash, and seconds (``10/60`` is ten in a minute).
        voice_answers: whether the answer to a voice message is also said in one.
    """

    prefix: ClassVar[str] = "chat_"

    channels: Channels = ()
    memory_messages: Annotated[int, Field(ge=2, le=10_000)] = 200
    context_messages: Annotated[int, Field(ge=0, le=200)] = 20
    rate: Rate = "10/60"
    voice_answers: bool = False


@dataclass(frozen=True, slots=True)
class VisionSettings(Section):
    """The model that describes pictures, and limits for files.

    Attributes:
        llm_url: base address, to which ``/chat/completions`` is appended.
        max_mb: largest file, in MiB.
        max_frames: the largest number of frames per message.
    """

    prefix: ClassVar[str] = "vision_"

    llm_url: OptionalBase = None
    llm_model: OptionalText = None
    llm_api_key: OptionalSecret = None
    max_mb: Annotated[float, Field(gt=0, le=500)] = 20.0
    max_frames: Annotated[int, Field(ge=1, le=32)] = 6

    @property
    def max_bytes(self) -> int:
        """Largest file, in bytes."""
        return round(self.max_mb * (1 << 20))


@dataclass(frozen=True, slots=True)
class DrawSettings(Section):
    """Image generation with ComfyUI."""

    prefix: ClassVar[str] = "draw_"

    url: Annotated[OptionalBase, Variable("comfyui_url")] = None
    workflow: Annotated[OptionalPath, Variable("comfyui_workflow")] = None
    timeout: Annotated[float, Field(gt=0, le=YEAR)] = 300.0
    rate: Rate = "3/600"


@dataclass(frozen=True, slots=True)
class BipolarSettings(Section):
    """Quarrels, called arguments here, between the bot's persona and another persona, its twin.

    Attributes:
        twin: name of the twin's file.
        threshold: tension in a channel at which an argument starts.
        turns: number of lines of an argument.
        cooldown: minimum seconds between two arguments in a channel.
    """

    prefix: ClassVar[str] = "bipolar_"

    twin: OptionalPersona = None
    threshold: Annotated[float, Field(gt=0, le=1_000_000)] = 10.0
    turns: Annotated[int, Field(ge=2, le=20)] = 6
    cooldown: Annotated[float, Field(ge=0, le=YEAR)] = 3600.0


@dataclass(frozen=True, slots=True)
class AvatarSettings(Section):
    """Folder of profile pictures, and hours between two changes."""

    prefix: ClassVar[str] = "avatar_"

    folder: OptionalPath = None
    hours: Annotated[float, Field(ge=0.5, le=YEAR // 3600)] = 24.0


@dataclass(frozen=True, slots=True)
class AutonomousSettings(Section):
    """Average minutes between two unprompted posts in a channel, and the hours of the day without any."""

    prefix: ClassVar[str] = "autonomous_"

    minutes: Annotated[float, Field(ge=1, le=YEAR // 60)] = 90.0
    quiet_hours: Annotated[QuietHours, Variable("quiet_hours")] = "23-8"


@dataclass(frozen=True, slots=True)
class FigurineSettings(Section):
    """Feeds with news about figurines: their addresses, and minutes between two polls of each feed."""

    prefix: ClassVar[str] = "figurine_"

    feeds: WebAddresses = ()
    minutes: Annotated[float, Field(ge=1, le=YEAR // 60)] = 30.0

    @property
    def period(self) -> float:
        """Seconds between two polls of a feed."""
        return 60 * self.minutes
