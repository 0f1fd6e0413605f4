"""Texts for the first start: login errors, the invite link, and warnings about small models and toys."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.discord_errors import discord_error_text
from bot.llm.small_model import ModelSize
from bot.models.needs import download_command
from bot.own_weights import OwnWeights
from bot.usual_model_servers import USUAL_MODEL_SERVERS, UsualModelServer, find_model_servers
from bot.voice.discord.permissions import invite_link

PORTAL = "https://discord.com/developers/applications"
TOY_MODEL = (
    "⚠️ I answer with the project's toy model: it knows a dozen sentences and understands nothing. "
    "Set `LLM_URL` to a model server for real answers."
)
SMALL_LLM = (
    "ℹ️ My mind is a small one ({name}): it chats, and knows little. For more, set `LLM_URL` to a model server, or "
    "`LLM_MODEL=qwen2.5-7b-q5` after `{download}` (5.4 GB; on the processor alone it "
    "takes 6 GB of memory and many seconds for an answer)."
)
TOY_STT = (
    "⚠️ My ears are the project's toy Whisper: they know a few dozen English sentences. Set `STT_MODEL` to the folder "
    "of a faster-whisper model, or `STT_URL` to a transcription server, to be understood."
)


def explain_login_failure(error: Exception) -> str | None:
    """A text that says what to do about an error of the first connection; ``None`` for other errors."""
    match error:
        case discord.LoginFailure():
            return (
                "Discord does not accept DISCORD_TOKEN. Copy the token again: "
                f"{PORTAL}, your application, Bot, Reset Token. It is not the client secret and not the public key."
            )
        case discord.PrivilegedIntentsRequired():
            return (
                "Discord does not let the bot read messages. Switch on MESSAGE CONTENT INTENT: "
                f"{PORTAL}, your application, Bot, Privileged Gateway Intents. Then start me again."
            )
        case discord.GatewayNotFound() | OSError():
            cause = discord_error_text(error)
            return f"Discord can't be reached ({cause}). Is this machine online, or DISCORD_API_URL wrong?"
        case _:
            return None


def is_for_the_operator(error: Exception) -> bool:
    """Whether the operator must change something, because another attempt would fail in the same way."""
    return isinstance(error, discord.LoginFailure | discord.PrivilegedIntentsRequired)


def welcome(user: discord.ClientUser, guilds: int, prefix: str) -> str:
    """The text after the bot has connected. ``guilds`` is the number of servers, ``prefix`` the prefix of commands."""
    if guilds:
        servers = f"{guilds} server{'s' if guilds > 1 else ''}"
        return f"Connected as {user} on {servers}. Type {prefix}join in a text channel."
    return f"Connected as {user}, but on no server yet. Invite me: {invite_link(user.id)}"


async def toy_warning(weights: OwnWeights) -> str | None:
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
