"""The ``why`` command: shows an owner of the bot what the model's last prompt held."""

from __future__ import annotations

import io
from typing import Any

import discord
from discord.ext import commands

from bot.commands.private_answer import answer_privately
from bot.last_prompts import LastPrompts, NotedPrompt
from bot.llm.prompt_report import PromptReport
from bot.text import shorten

Context = commands.Context[Any]

NONE_YET = "🔎 I have asked the model nothing here since my start, or I forgot the prompt because somebody opted out."
MAX_TEXT = 100_000
"""Maximum number of characters of the prompt in the attached file."""
MAX_LIST = 400
"""Maximum number of characters of a list of tools."""


class WhyCommands(commands.Cog, name="Prompts"):
    """Show what the model was asked."""

    def __init__(self, prompts: LastPrompts) -> None:
        self._prompts = prompts

    @commands.hybrid_command(
        description="Show you alone what my last prompt to the model held, and what was cut from it.",
        brief="what my last prompt held",
    )
    async def why(self, ctx: Context) -> None:
        """Show what my last prompt held: its parts in estimated tokens, what was cut, and its text. Only you see it."""
        await ctx.defer(ephemeral=True)
        noted = self._prompts.newest(ctx.guild.id if ctx.guild is not None else None)
        if noted is None:
            await ctx.send(NONE_YET, ephemeral=True)
            return
        file = discord.File(io.BytesIO(prompt_text(noted.report).encode(errors="replace")), "prompt.txt")
        await answer_privately(ctx, report_text(noted), file=file)


def report_text(noted: NotedPrompt) -> str:
    """The parts of a prompt and what was cut, in a few lines."""
    report, where = noted.report, "a call" if noted.kind == "call" else "the text chat"
    parts = [f"{shorten(name, 40)} {tokens:,}" for name, tokens in list(report.sections.items())[:12]]
    earlier = max(0, sum(message.role != "system" for message in report.messages) - 1)
    lines = [
        f"🔎 **My last prompt**, in {where} at {noted.at:%H:%M:%S}. Sizes are estimated tokens.",
        f"System prompt: {' · '.join(parts) or 'none'}",
        f"Conversation: {report.history_tokens:,} in {earlier} earlier messages · newest {report.newest_tokens:,}",
        f"Tools: {report.tool_tokens:,} in {len(report.tools)} descriptions{_names(report.tools)}",
        f"In all: {report.prompt_tokens:,} of {report.context_tokens:,}; "
        f"{report.answer_tokens:,} more are kept for the answer",
        f"Left out: {_left_out(report)}",
    ]
    return "\n".join(lines)


def _names(tools: tuple[str, ...]) -> str:
    return f" ({shorten(', '.join(tools), MAX_LIST)})" if tools else ""


def _left_out(report: PromptReport) -> str:
    parts = [
        *([f"{report.left_out_messages} earlier messages"] if report.left_out_messages else []),
        *(["the middle of a message"] if report.shortened else []),
        *([f"the tools {shorten(', '.join(report.left_out_tools), MAX_LIST)}"] if report.left_out_tools else []),
    ]
    return "; ".join(parts) or "nothing"


def prompt_text(report: PromptReport) -> str:
    """The messages of a prompt as plain text, at most :data:`MAX_TEXT` characters."""
    messages = (
        "\n".join((f"[{message.role}]", message.content, *(f"{call.name}({call.arguments})" for call in message.calls)))
        for message in report.messages
    )
    return shorten("\n\n".join(messages), MAX_TEXT)
