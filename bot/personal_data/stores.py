"""The list of all stores that know something of a person. A new store is one line here.

``tests/bot/test_personal_data.py`` fails if the database has a column with people's ids that no store here has.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.characters import Characters
from bot.consent import ListeningConsent
from bot.conversations.recordings import CallRecordings
from bot.conversations.writer import ConversationWriter
from bot.database import Database
from bot.personal_data.begun import StoredErasures
from bot.personal_data.choices import ChosenChannels, ListeningChoice, PrivateCharacter
from bot.personal_data.personal_data import PersonalData, PersonalStores
from bot.personal_data.recorded import MadeVoices, RecordedSound
from bot.personal_data.tables import TableData
from bot.personal_data.words import SaidWords, WrittenWords
from bot.voices.voices import Voices

KEPT_IGNORED = (
    "The decision to ignore you in calls on a server. The people who manage that server made it, and they can undo it."
)


def all_stores(
    database: Database,
    *,
    consent: ListeningConsent,
    writer: ConversationWriter,
    recordings: CallRecordings,
    voices: Voices,
    characters: Characters,
    more: Sequence[PersonalData] = (),
) -> PersonalStores:
    """All stores, in the order in which they are emptied.

    Args:
        more: stores of which this package knows nothing.
    """
    stores: tuple[PersonalData, ...] = (
        TableData(
            "messages that wait for an answer",
            database,
            "chat_waiting",
            "author",
            {"channel": "CAST(channel AS TEXT)", "at": "at", "name": "name", "text": "text", "pictures": "seen"},
            frozenset({"at"}),
        ),
        TableData(
            "what you asked in a call before I was restarted",
            database,
            "unanswered_prompt",
            "person",
            {"channel": "channel || ''", "name": "name", "text": "text"},
        ),
        # These are emptied while the stored conversations still tell where something was said.
        *more,
        # Its rows are found with the help of the stored conversations, so it comes before `SaidWords`.
        WrittenWords(database),
        SaidWords(database, writer),
        TableData(
            "your timers and reminders",
            database,
            "reminder",
            "person",
            {"name": "name", "text": "text", "due": "due_at", "asked for": "created_at", "server": "server || ''"},
            frozenset({"due", "asked for"}),
        ),
        TableData(
            "your subscriptions to news of figurines",
            database,
            "figurine_subscription",
            "user",
            {"channel": "CASE channel WHEN 0 THEN 'private' ELSE channel || '' END", "words": "words"},
        ),
        TableData("news of figurines that you were sent", database, "figurine_told", "place"),
        TableData(
            "posts that you have scheduled",
            database,
            "scheduled_event",
            "author",
            {
                "server": "guild || ''",
                "channel": "channel || ''",
                "times": "cron",
                "text": "text",
                "file": "file_name",
                "file's size": "file",
            },
            also=(
                "DELETE FROM scheduled_event_refusal WHERE event IN (SELECT id FROM scheduled_event WHERE author = ?)",
            ),
        ),
        PrivateCharacter(characters),
        ChosenChannels(database),
        MadeVoices(voices),
        RecordedSound(recordings, consent.drop),
        TableData(
            "servers on which you are ignored in calls",
            database,
            "ignored_person",
            "person",
            {"server": "guild || ''"},
            left=KEPT_IGNORED,
        ),
        # This one comes last. It makes a running call drop what it holds of the person, and makes all parts that keep
        # words delete them in the background, also those of the last moments. If it came earlier, the other stores
        # could not count what is deleted in this way.
        ListeningChoice(consent),
    )

    async def erase_traces() -> None:
        # A running call was told to drop what it holds of the person. What it had passed on before is deleted here.
        await writer.flush()
        await database.erase_traces()

    return PersonalStores(stores, erase_traces, StoredErasures(database))
