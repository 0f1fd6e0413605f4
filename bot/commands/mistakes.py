"""Error texts for commands with wrong arguments: the mistake, and how to use the command."""

from __future__ import annotations

from typing import Any

from discord.ext import commands

from bot.commands.member_name import SEVERAL, SeveralMembersError
from bot.commands.voice_channel_name import NO_SUCH_CHANNEL, NoSuchVoiceChannelError
from bot.whole_number import NumberError

MAX_SHOWN = 50
"""Maximum number of characters of a wrong argument that are shown."""
MISSING = "❌ Something is missing."
NOT_A_CHOICE = "❌ `{given}` is not possible here. Choose one of these: {choices}."
NO_SUCH_MEMBER = "❌ I don't see anybody called `{given}` on this server."
WRONG_LENGTH = "❌ That text is too long: the limit is {maximum} characters."
UNPAIRED_QUOTES = "❌ The quotation marks don't match: each one needs a second one."
NOT_UNDERSTOOD = "❌ I don't understand `{given}`."


def mistake_words(ctx: commands.Context[Any], error: commands.UserInputError, prefix: str) -> str:
    """A sentence about the mistake, and a sentence that shows how to use the command."""
    what = _what_is_wrong(ctx, error)
    return f"{what} {how_to_use(ctx.command, prefix)}" if ctx.command is not None else what


def how_to_use(command: commands.Command[Any, ..., Any], prefix: str) -> str:
    """A sentence such as "Use it like this: `!volume [0-200]`, for example `!volume 80`."."""
    example = command.extras.get("example")
    shown = f", for example `{prefix}{command.qualified_name} {example}`" if example else ""
    return f"Use it like this: `{usage_of(command, prefix)}`{shown}."


def usage_of(command: commands.Command[Any, ..., Any], prefix: str) -> str:
    """The syntax of a command, such as "!volume [0-200]"."""
    return f"{prefix}{command.qualified_name} {command.signature}".strip()


def _what_is_wrong(ctx: commands.Context[Any], error: commands.UserInputError) -> str:
    match error:
        case NumberError():
            return f"❌ {error}"
        case commands.MissingRequiredArgument() | commands.MissingRequiredAttachment():
            return MISSING
        case commands.BadLiteralArgument():
            return NOT_A_CHOICE.format(given=_shown(error.argument), choices=", ".join(map(str, error.literals)))
        case commands.RangeError():
            return WRONG_LENGTH.format(maximum=error.maximum)
        case SeveralMembersError():
            return SEVERAL.format(given=_shown(error.argument))
        case commands.MemberNotFound():
            return NO_SUCH_MEMBER.format(given=_shown(error.argument))
        case NoSuchVoiceChannelError():
            return str(error)
        case commands.ChannelNotFound():
            return NO_SUCH_CHANNEL
        case commands.ArgumentParsingError():
            return UNPAIRED_QUOTES
        case _:
            return NOT_UNDERSTOOD.format(given=_shown(ctx.current_argument or ""))


def _shown(given: str) -> str:
    """A given argument, shortened and without backticks."""
    text = " ".join(given.replace("`", "'").split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
