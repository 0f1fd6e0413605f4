"""The fields of stored conversations, and of their turns, in the JSON that the API answers with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.conversations.archive import OpenedConversation
from bot.conversations.reading import ListedConversation, StoredTurn
from bot.conversations.recordings import CallRecording


def listed_fields(conversation: ListedConversation) -> dict[str, Any]:
    """The fields of a conversation in a list."""
    return {
        "id": conversation.id,
        "transport": conversation.transport,
        "place": conversation.place,
        "started": conversation.started,
        "ended": conversation.ended,
        "people": list(conversation.people),
        "first_words": conversation.first_words,
        **({"hit": asdict(conversation.hit)} if conversation.hit is not None else {}),
    }


def opened_fields(conversation: OpenedConversation) -> dict[str, Any]:
    """The fields of a conversation with its turns."""
    return {
        **listed_fields(conversation.listed),
        "turns": [turn_fields(turn) for turn in conversation.turns],
        "earlier": conversation.earlier,
        "later": conversation.later,
    }


def recording_fields(recording: CallRecording) -> dict[str, Any]:
    """The fields of a recording."""
    return {"id": recording.id, "who": recording.who, "bot": recording.person is None, "at": recording.at}


def turn_fields(turn: StoredTurn) -> dict[str, Any]:
    """The fields of a turn."""
    return {
        "number": turn.number,
        "who": turn.who,
        "bot": turn.bot,
        "text": turn.text,
        "at": turn.at,
        "interrupted": turn.interrupted,
        "typed": turn.typed,
    }
