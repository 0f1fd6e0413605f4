"""The tool ``draw_picture``: has a picture drawn, after the call if one is on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from bot.llm.tools import ToolDescription
from bot.tools.negation import not_denied
from bot.tools.tool import Asker, Effect, ToolError, ToolResult

_ASKED_FOR = re.compile(
    r"\b(draw|draws|drawing|paint|painting|sketch)\b|illustrat|zeichne|skizz|dessin|peins|peindre|dibuj|\bpinta|"
    r"\bmalst du\b|\bmale? (mir|uns)\b|\bmale (ein|eine|einen|das|die|den)\b|^\W*mal (ein|eine|einen)\b|\bmalen\b|"
    r"disegn|dipingi|desenh|нарису|teken|narysuj|çiz|描|画|畫|繪|그려|"
    r"\b(make|create|generate|want|need|have|mache?|erstell|generier|möchte|hätte|brauch|fais|crée|génère|veux|"
    r"voudrais|haz|crea|genera|quiero|fai|voglio|faz|cria|quero|сделай|создай|хочу|maak|zrób|chcę|yap|oluştur)\w{0,3}\b"
    r".{0,40}\b(picture|image|bild|imagen|immagine|imagem|картин|plaatje|afbeelding|obraz|resim)",
    re.IGNORECASE,
)
"""Words that ask for a picture to be drawn, and do not only speak of one, in the languages that people speak most."""
DESCRIPTION = ToolDescription(
    "draw_picture",
    "Has a picture drawn for the person who asks. It is posted in the text channel; during a call, after the call.",
    {
        "type": "object",
        "properties": {"description": {"type": "string", "description": "What the picture shows, in English."}},
        "required": ["description"],
        "additionalProperties": False,
    },
)


class DrawingRefusedError(Exception):
    """The request for a drawing is refused. The text says why."""


class Drawings(Protocol):
    """Draws pictures."""

    async def draw_when_free(self, person: int, server: int, channel: int, description: str) -> bool:
        """Draw a picture as soon as no call is on, and post it.

        Returns:
            True if it is being drawn now, False if it waits for the end of the call.

        Raises:
            DrawingRefusedError: the person may not have it drawn, or the description can't be used.
        """
        ...


class DrawPicture:
    """The tool: passes requests for pictures on to :class:`Drawings`."""

    description = DESCRIPTION
    effect = Effect.PRIVILEGED
    """The tool posts a picture, and not everybody has the right to have one drawn."""

    def __init__(self, drawings: Drawings) -> None:
        self._drawings = drawings

    def may_use(self, asker: Asker) -> bool:
        """Pictures are drawn only for known people, and only in a channel. The page has none: its channel id is 0."""
        return asker.person is not None and bool(asker.channel)

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the words ask for a picture."""
        return _ASKED_FOR.search(not_denied(words)) is not None

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Have a picture drawn of ``description``.

        Raises:
            ToolError: the request is refused, or there is no channel for the picture.
        """
        if asker.person is None or asker.channel is None:
            raise ToolError("There is no channel for a picture here.")
        text = " ".join(str(arguments.get("description", "")).split())
        try:
            now = await self._drawings.draw_when_free(asker.person, asker.server, asker.channel, text)
        except DrawingRefusedError as error:
            raise ToolError(str(error)) from error
        if now:
            return ToolResult("It is being drawn, and will be posted in the channel in some minutes.")
        return ToolResult(
            "It will be drawn and posted in the channel when the call has ended, since drawing waits for it."
        )
