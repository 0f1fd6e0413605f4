"""Warnings about small models and toys, which say what to set for real ones."""

from __future__ import annotations

from collections.abc import Sequence

from bot.llm.small_model import ModelSize
from bot.models.needs import download_command
from bot.own_weights import OwnWeights
from bot.usual_model_servers import USUAL_MODEL_SERVERS, UsualModelServer, find_model_servers

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


async def engine_warning(weights: OwnWeights) -> str | None:
    """A warning if the language model is small or a toy, or the transcriber is a toy; otherwise ``None``."""
    ears = TOY_STT if weights.toy_stt else None
    warnings = [warning for warning in (await llm_warning(weights), ears) if warning]
    return "\n".join(warnings) or None


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
