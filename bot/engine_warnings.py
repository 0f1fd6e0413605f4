"""Warnings about small models and toys, which say what to set for real ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.llm.small_model import ModelSize
from bot.model_name import NO_TOOLS
from bot.models.needs import download_command
from bot.own_weights import OwnWeights
from bot.usual_model_servers import USUAL_MODEL_SERVERS, UsualModelServer, find_model_servers

_log = logging.getLogger(__name__)

TOY_MODEL = (
    "⚠️ I answer with the project's toy model: it knows about twenty answers and understands nothing. "
    "Set `LLM_URL` to a model server for real answers."
)
SMALL_LLM = (
    "ℹ️ My mind is a small one ({name}): it chats, knows little, and is given no tools. For more, set `LLM_URL` to a "
    "model server, or `LLM_MODEL=qwen2.5-7b-q5` after `{download}` (5.4 GB; on the processor alone it "
    "takes 6 GB of memory and many seconds for an answer)."
)
TOY_STT = (
    "⚠️ My ears are the project's toy Whisper: they know a few dozen English sentences. Set `STT_MODEL` to the folder "
    "of a faster-whisper model, or `STT_URL` to a transcription server, to be understood."
)


@dataclass(frozen=True, slots=True)
class EngineWarnings:
    """What people are told about engines that are small or toys.

    Attributes:
        mind: about the language model; ``None`` if there is nothing to say.
        ears: about the transcriber; ``None`` if there is nothing to say.
        toy_mind: whether ``mind`` is about a toy, and not about a small model.
    """

    mind: str | None = None
    ears: str | None = None
    toy_mind: bool = False

    @property
    def text(self) -> str | None:
        """Both warnings, a line each; ``None`` if there is nothing to say."""
        return "\n".join(warning for warning in (self.mind, self.ears) if warning) or None

    def on_the_page(self, *, takes_tools: bool) -> str | None:
        """What the page says once, in the words of the log; ``None`` if the model that answers there is large enough.

        Args:
            takes_tools: whether that model is offered tools.
        """
        return None if takes_tools else self.mind or NO_TOOLS

    def log(self) -> None:
        """Write both to the log. A small model is mentioned as information there: every new installation has one."""
        if self.mind is not None:
            _log.log(logging.WARNING if self.toy_mind else logging.INFO, "%s", self.mind)
        if self.ears is not None:
            _log.warning("%s", self.ears)


async def engine_warnings(weights: OwnWeights) -> EngineWarnings:
    """What there is to say about these weights."""
    return EngineWarnings(await llm_warning(weights), TOY_STT if weights.toy_stt else None, weights.toy_llm)


async def llm_warning(weights: OwnWeights, usual: Sequence[UsualModelServer] = USUAL_MODEL_SERVERS) -> str | None:
    """A warning if the language model is small or a toy. It names model servers that run on this machine."""
    small = weights.llm is not None and ModelSize(weights.llm.name).small
    if not weights.toy_llm and not small:
        return None
    found = await find_model_servers(usual)
    offer = f" I see {' and '.join(found)} on this machine." if found else ""
    words = (
        SMALL_LLM.format(name=weights.llm.name, download=download_command("qwen2.5-7b-q5"))
        if weights.llm is not None
        else TOY_MODEL
    )
    return words + offer
