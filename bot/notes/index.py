"""The search in notes: an FTS5 index in memory, made from the database. So deleted words leave no traces on disk."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.notes.lines import Claim, ClaimKind, NoteHead, NoteLine, Notes
from languages.search_words import TOKENIZER, index_text, query

MAX_LINES = 60_000
"""Maximum number of lines in the index. Of notes that come when it is full, only the claims are added."""
_CANDIDATES = 60
"""Maximum number of hits that are read for one question. Hits that the asker did not hear are dropped afterwards."""


@dataclass(frozen=True, slots=True)
class NoteHit:
    """A line or a claim in notes that was found.

    Attributes:
        id: its id in the index.
        said_by: the names of those who said the line; for a claim, of those who said the lines that it cites.
        kind: what kind of claim it is; ``None`` for a line.
        witnesses: the user ids of those who know the line; for a claim, of those who know all lines that it cites.
    """

    id: int
    head: NoteHead
    text: str
    said_by: tuple[str, ...]
    kind: ClaimKind | None
    witnesses: frozenset[int]


class NotesIndex:
    """The index of all finished notes. Its methods may be called from any thread; all but :meth:`may_have` block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._words = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._words.execute(
            f"""CREATE VIRTUAL TABLE found USING fts5 (words, content = '', tokenize = "{TOKENIZER}")"""
        )
        self._words.execute("CREATE TABLE hit (id INTEGER PRIMARY KEY, note INTEGER NOT NULL, words TEXT NOT NULL)")
        self._words.execute("CREATE INDEX hit_by_note ON hit (note)")
        self._hits: dict[int, NoteHit] = {}
        self._of_note: dict[int, list[int]] = {}
        self._notes_of: dict[tuple[int, int | None], set[int]] = {}
        """The ids of the notes of which a person knows something, by the person and the server of the call."""
        self._next = 1
        self._lines = 0

    def close(self) -> None:
        """Free the memory."""
        with self._lock:
            self._words.close()

    def replace(self, note: int, notes: Notes | None) -> None:
        """Replace the entries of a note by those of ``notes``. With ``None``, remove them."""
        with self._lock:
            knew = self._remove(note)
            if notes is not None:
                self._add_all(notes)
            for each in knew:
                if not self._notes_of[each]:
                    del self._notes_of[each]

    def may_have(self, person: int, server: int | None) -> bool:
        """Whether the person knows anything in the notes of calls on the server. Never blocks."""
        return (person, server) in self._notes_of

    def search(self, question: str, person: int, server: int | None, most: int) -> list[NoteHit]:
        """The lines and claims of a server for a question, best first: at most ``most`` that the person may know."""
        asked = query(question)
        if not asked:
            return []
        with self._lock:
            known = [head.id for head in self._heads(person, server)]
            if not known:
                return []
            rows = self._words.execute(
                "SELECT found.rowid FROM found JOIN hit ON hit.id = found.rowid WHERE found MATCH ? "
                "AND hit.note IN (SELECT value FROM json_each(?)) ORDER BY bm25(found) LIMIT ?",
                (asked, json.dumps(known), _CANDIDATES),
            )
            hits = [self._hits[int(row[0])] for row in rows]
        return [hit for hit in hits if person in hit.witnesses][:most]

    def newest(self, person: int, server: int | None, kinds: Iterable[ClaimKind], most: int) -> list[NoteHit]:
        """Claims of these kinds: at most ``most`` that the person may know, of the newest call that has any."""
        wanted = frozenset(kinds)
        with self._lock:
            for head in self._heads(person, server):
                hits = [self._hits[each] for each in self._of_note[head.id]]
                if found := [hit for hit in hits if hit.kind in wanted and person in hit.witnesses]:
                    return found[:most]
        return []

    def get(self, ids: Iterable[int], person: int) -> list[NoteHit]:
        """Of the hits that were found before, those that are still in the index and that the person may know."""
        with self._lock:
            hits = [self._hits[each] for each in ids if each in self._hits]
        return [hit for hit in hits if person in hit.witnesses]

    def _heads(self, person: int, server: int | None) -> Sequence[NoteHead]:
        """The notes of a server in which the person knows something, newest first."""
        heads = [self._hits[self._of_note[note][0]].head for note in self._notes_of.get((person, server), ())]
        return sorted(heads, key=lambda head: head.started, reverse=True)

    def _add_all(self, notes: Notes) -> None:
        by_number = {line.number: line for line in notes.lines}
        for claim in notes.claims:
            self._add(_hit_of_claim(self._next, notes.head, claim, by_number))
        for line in notes.lines:
            if self._lines < MAX_LINES:
                self._lines += 1
                self._add(NoteHit(self._next, notes.head, line.text, (line.who,), None, line.witnesses))

    def _add(self, hit: NoteHit) -> None:
        words = index_text(" ".join((*hit.said_by, hit.text)))
        self._words.execute("INSERT INTO hit (id, note, words) VALUES (?, ?, ?)", (hit.id, hit.head.id, words))
        self._words.execute("INSERT INTO found (rowid, words) VALUES (?, ?)", (hit.id, words))
        self._hits[hit.id] = hit
        self._of_note.setdefault(hit.head.id, []).append(hit.id)
        for person in hit.witnesses:
            self._notes_of.setdefault((person, hit.head.place.server), set()).add(hit.head.id)
        self._next += 1

    def _remove(self, note: int) -> set[tuple[int, int | None]]:
        """Remove notes. Returns the keys of ``_notes_of`` from which they were removed; those sets may be empty now."""
        knew = set[tuple[int, int | None]]()
        for each in self._of_note.pop(note, ()):
            (words,) = self._words.execute("SELECT words FROM hit WHERE id = ?", (each,)).fetchone()
            self._words.execute("INSERT INTO found (found, rowid, words) VALUES ('delete', ?, ?)", (each, words))
            self._words.execute("DELETE FROM hit WHERE id = ?", (each,))
            hit = self._hits.pop(each)
            self._lines -= hit.kind is None
            knew.update((person, hit.head.place.server) for person in hit.witnesses)
        for key in knew:
            self._notes_of[key].discard(note)
        return knew


def _hit_of_claim(number: int, head: NoteHead, claim: Claim, lines: dict[int, NoteLine]) -> NoteHit:
    cited = [lines[each] for each in claim.lines if each in lines]
    witnesses = frozenset.intersection(*(line.witnesses for line in cited)) if cited else frozenset[int]()
    text = f"{claim.who}: {claim.text}" if claim.who else claim.text
    return NoteHit(number, head, text, tuple(dict.fromkeys(line.who for line in cited)), claim.kind, witnesses)
