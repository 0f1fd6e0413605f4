"""All settings of the bot, read from the environment and ``.env`` and checked at the start."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from config.addresses import ANY_ORIGIN, only_this_machine_can_connect
from config.engine_sections import EmbeddingsSettings, ModelSettings, RecogniserSettings, SpeechServerSettings
from config.errors import Fault, SettingsError
from config.examples import EXAMPLES
from config.feature_sections import (
    AutonomousSettings,
    AvatarSettings,
    BipolarSettings,
    ChatSettings,
    DrawSettings,
    FigurineSettings,
    VisionSettings,
)
from config.phone_sections import PhoneSettings, SipSettings, TwilioSettings
from config.program_settings import ProgramSettings
from config.sections import (
    CallSettings,
    DailySettings,
    MemoryPolicy,
    MoodFollows,
    PermitSettings,
    WarningSettings,
    WebSettings,
)
from config.server_lists import mistake_in_list, notice_of_list
from config.types import (
    CommandPrefix,
    HostNames,
    KeptDays,
    LocalPath,
    OptionalBase,
    OptionalHttpUrl,
    OptionalPath,
    OptionalSecret,
    PersonaName,
    Timezone,
    UserIds,
)


class Profile(StrEnum):
    """The operator's choice of where the engines run."""

    EMBEDDED = "embedded"
    LOCAL = "local"
    HYBRID = "hybrid"
    API = "api"


_VOICE_ENGINES = {
    Profile.EMBEDDED: "espeak",
    Profile.LOCAL: "xtts",
    Profile.HYBRID: "xtts",
    Profile.API: "openai",
}


class Weights(StrEnum):
    """The kind of weights that the bot's own engines use."""

    AUTO = "auto"
    """Real weights if they are on this machine, otherwise toy weights."""
    REAL = "real"
    TOYS = "toys"


class Settings(ProgramSettings):
    """The settings. A field's name in capitals is its variable. Times are in seconds.

    A section's variables begin with its prefix: ``LLM_MODEL`` is ``llm.model``. See :mod:`config.sections`.
    """

    discord_token: OptionalSecret = None
    discord_api_url: OptionalHttpUrl = None
    discord_ca_file: OptionalPath = None

    profile: Profile = Profile.EMBEDDED
    command_prefix: CommandPrefix = "!"
    data_dir: LocalPath = Path("data")
    weights: Weights = Weights.AUTO
    persona: PersonaName = "seiyuu"
    mood_follows: MoodFollows = MoodFollows.OFF
    timezone: Timezone = "UTC"
    searxng_url: OptionalBase = None
    tools_file: LocalPath = Path("tools.yaml")
    keep_conversations: KeptDays = 30
    knowledge_dir: OptionalPath = None
    chroma_dir: OptionalPath = None
    music_dir: OptionalPath = None
    music_urls: HostNames = ()
    sounds_dir: OptionalPath = None
    music_volume: Annotated[int, Field(ge=0, le=200)] = 30
    memory: MemoryPolicy = MemoryPolicy.ASK
    memory_days: KeptDays = 365
    notes_days: KeptDays = 90
    owners: UserIds = ()
    who_may: PermitSettings = PermitSettings()

    call: CallSettings = CallSettings()
    llm: ModelSettings = ModelSettings()
    tts: SpeechServerSettings = SpeechServerSettings()
    stt: RecogniserSettings = RecogniserSettings()
    web: WebSettings = WebSettings()
    warn: WarningSettings = WarningSettings()
    daily: DailySettings = DailySettings()
    embeddings: EmbeddingsSettings = EmbeddingsSettings()
    phone: PhoneSettings = PhoneSettings()
    twilio: TwilioSettings = TwilioSettings()
    sip: SipSettings = SipSettings()

    chat: ChatSettings = ChatSettings()
    vision: VisionSettings = VisionSettings()
    draw: DrawSettings = DrawSettings()
    bipolar: BipolarSettings = BipolarSettings()
    avatar: AvatarSettings = AvatarSettings()
    autonomous: AutonomousSettings = AutonomousSettings()
    figurine: FigurineSettings = FigurineSettings()

    @model_validator(mode="after")
    def _twins_differ(self) -> Self:
        if self.bipolar.twin is not None and self.bipolar.twin == self.persona:
            raise ValueError(
                f"BIPOLAR_TWIN: {self.bipolar.twin!r} is not valid. It must be another persona than PERSONA="
                f"{self.persona}, for example BIPOLAR_TWIN={EXAMPLES['BIPOLAR_TWIN']}"
            )
        return self

    @model_validator(mode="after")
    def _lists_of_servers_fit(self) -> Self:
        voices = ("TTS_WEBSOCKET_URL", self.tts.websocket_url, None, None)
        for each in (*self._server_lists(), voices):
            if (mistake := mistake_in_list(*each)) is not None:
                raise ValueError(mistake)
        return self

    def _server_lists(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """The settings that list servers with models and keys: name, addresses, models and keys."""
        for name, section in (("LLM_URL", self.llm), ("STT_URL", self.stt)):
            key = None if section.api_key is None else section.api_key.get_secret_value()
            yield name, section.url, section.model, key

    def list_notices(self) -> list[str]:
        """Warnings about lists of servers, for people."""
        return [notice for each in self._server_lists() if (notice := notice_of_list(*each)) is not None]

    @model_validator(mode="after")
    def _strangers_need_the_token(self) -> Self:
        if self.web.token is not None:
            return self
        if not only_this_machine_can_connect(self.web.bind):
            raise ValueError(
                f"WEB_TOKEN: must be set, since WEB_BIND={self.web.bind} lets other machines connect; "
                f"for example WEB_TOKEN={EXAMPLES['WEB_TOKEN']}"
            )
        if ANY_ORIGIN in self.web.allowed_origins:
            raise ValueError(
                "WEB_ALLOWED_ORIGINS: '*' lets every web page use this server, so it needs WEB_TOKEN as well; "
                f"without one, name the pages' origins, "
                f"for example WEB_ALLOWED_ORIGINS={EXAMPLES['WEB_ALLOWED_ORIGINS']}"
            )
        return self

    @property
    def takes_twilio(self) -> bool:
        """Whether phone calls over Twilio are wanted."""
        return self.twilio.auth_token is not None and self.phone.public_url is not None

    @property
    def voice_engine(self) -> str:
        """Engine of the bot's own speech server: ``TTS_ENGINE``, or else the profile's engine."""
        return self.tts.engine or _VOICE_ENGINES[self.profile]

    @property
    def runs_llm(self) -> bool:
        """Whether the bot itself serves the language model, with real or toy weights.

        True if no model server is set and the profile is ``embedded``. With ``LLM_MODEL``, also in ``local`` and
        ``hybrid``.
        """
        named = self.llm.model is not None and self.profile in (Profile.LOCAL, Profile.HYBRID)
        return self.llm.call_url is None and (named or self.profile is Profile.EMBEDDED)

    @property
    def runs_default_tts(self) -> bool:
        """Whether the voice is the default one of the profile ``embedded``: real weights, or espeak-ng."""
        return self.tts.engine is None and self.tts.websocket_url is None and self.profile is Profile.EMBEDDED

    @property
    def runs_default_stt(self) -> bool:
        """Whether speech recognition is the default one of the profile ``embedded``: real or toy weights."""
        return self.stt.url is None and self.stt.model is None and self.profile is Profile.EMBEDDED


def load_settings(**overrides: Any) -> Settings:
    """Read the settings, and check that the servers that the profile needs are set.

    Raises:
        SettingsError: settings are not valid or missing. The message has a line for each of them.
    """
    settings = Settings.read(**overrides)
    if (missing := missing_server(settings)) is not None:
        raise SettingsError(missing)
    return settings


def missing_server(settings: Settings) -> Fault | None:
    """The fault to report if a server that the profile needs is not set; ``None`` if all are set."""
    if settings.llm.call_url is None and not settings.runs_llm:
        own = (
            "" if settings.profile is Profile.API else "; or set LLM_MODEL to a GGUF file, which the bot serves itself"
        )
        return Fault(
            f"LLM_URL is not set, and PROFILE={settings.profile} needs a model server: "
            f"set it to the server's base address, for example LLM_URL={EXAMPLES['LLM_URL']}{own}",
            ("LLM_URL", "PROFILE"),
        )
    if settings.profile is Profile.API and settings.stt.url is None and settings.stt.model is None:
        return Fault(
            "STT_URL is not set, and PROFILE=api needs a server that turns speech into text: "
            f"set it to the server's base address, for example STT_URL={EXAMPLES['STT_URL']}",
            ("STT_URL", "PROFILE"),
        )
    return None
