"""A stand-in for the service behind the endpoints of the setup. It asks no server and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.check_result import CheckResult
from bot.http.api.setup import SetupParts
from bot.setup.service import SetupTopic, Tested
from config.env_writing import Changes, EnvWriteError, Written
from tests.timing import Clock

FINDINGS = (
    CheckResult("Python", True, "3.11"),
    CheckResult("Model", None, "a small one"),
    CheckResult("Ears", False, "Whisper is damaged. Remedy: python -m bot models repair"),
)


@dataclass(slots=True)
class ScriptedSetup:
    """The service. It notes what it is to test and to write.

    Attributes:
        values: what ``.env`` sets.
        error: what each writing raises; ``None`` if it succeeds.
        shown: what the console shows.
    """

    values: dict[str, str] = field(default_factory=dict)
    error: EnvWriteError | None = None
    tested: list[tuple[SetupTopic, Changes]] = field(default_factory=list)
    written: list[Changes] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    examinations: int = 0

    def current(self) -> dict[str, str]:
        return dict(self.values)

    async def test(self, part: SetupTopic, changes: Changes) -> Tested:
        self.tested.append((part, changes))
        return Tested(CheckResult("Model", True, "answers"), ("llama",))

    async def write(self, changes: Mapping[str, str | None]) -> Written:
        if self.error is not None:
            raise self.error
        self.written.append(changes)
        return Written(tuple(changes), Path(".env.before-1"))

    async def notes(self, changes: Changes) -> list[str]:
        return []

    async def examine(self) -> tuple[CheckResult, ...]:
        self.examinations += 1
        return FINDINGS

    def parts(self, clock: Clock, *, on_loopback: bool = True) -> SetupParts:
        return SetupParts(self, self.examine, on_loopback, clock, self.shown.append)

    @property
    def code(self) -> str:
        """The newest code on the console."""
        return self.shown[-1].split()[2]
