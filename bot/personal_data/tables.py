"""Tables with a person's rows: which column names the person, and what of a row is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.database import Database
from bot.personal_data.personal_data import Erased, JsonValue, Subject, moment


@dataclass(frozen=True, slots=True)
class TableData:
    """A table whose rows belong to one person each (a :class:`~bot.personal_data.personal_data.PersonalData`).

    Attributes:
        table: the table's name.
        person: the column with the person's user id.
        shown: for each field in the export, the column or expression that it comes from.
        times: the fields that are seconds since 1970.
        private: whether the column ``person`` has the id of the person's private channel in place of the user id.
        left: why the rows stay, as a sentence for people; empty if they are deleted.
        also: statements that delete what belongs to the rows. They get the person's id, and run before the rows go.
    """

    name: str
    database: Database
    table: str
    person: str
    shown: Mapping[str, str] = field(default_factory=dict)
    times: frozenset[str] = frozenset()
    private: bool = False
    left: str = ""
    also: tuple[str, ...] = ()

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The person's rows; raises :class:`aiosqlite.Error`."""
        owner = self._owner(subject)
        if owner is None or not self.shown:
            return []
        columns = ", ".join(self.shown.values())
        # The names of tables and columns come from `stores.py`, never from people.
        query = f"SELECT {columns} FROM {self.table} WHERE {self.person} = ? ORDER BY rowid"  # noqa: S608
        return [
            {name: self._value(name, value) for name, value in zip(self.shown, row, strict=True)}
            for row in await self.database.rows(query, owner)
        ]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the person's rows, or say why they stay (``left``); raises :class:`aiosqlite.Error`."""
        owner = self._owner(subject)
        if owner is None:
            return Erased()
        condition = f"FROM {self.table} WHERE {self.person} = ?"
        if self.left:
            found = await self.database.row(f"SELECT count(*) {condition}", owner)
            return Erased(left=self.left if found is not None and found[0] else "")
        statements = [*((each, (owner,)) for each in self.also), (f"DELETE {condition}", (owner,))]
        *_, deleted = await self.database.write_together(*statements)
        return Erased(deleted)

    def _owner(self, subject: Subject) -> int | None:
        return subject.private_channel if self.private else subject.id

    def _value(self, name: str, value: object) -> JsonValue:
        if name in self.times and isinstance(value, int | float):
            return moment(value)
        if isinstance(value, bytes):
            return f"{len(value)} bytes"
        return value if isinstance(value, str | int | float) or value is None else str(value)
