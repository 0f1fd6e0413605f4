"""Parses a Dockerfile into stages. It knows the instructions that ours uses; all others are errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from config.project import ROOT

DOCKERFILE = ROOT / "Dockerfile"
KEYWORDS = frozenset(
    {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
)


@dataclass(frozen=True)
class Instruction:
    keyword: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def listed(self) -> list[str]:
        """The JSON list of a CMD or HEALTHCHECK."""
        return [str(word) for word in json.loads(self.text[self.text.index("[") :])]

    @property
    def copied(self) -> tuple[str | None, list[str], str]:
        """The arguments of a COPY: source stage, sources and destination."""
        words = self.words
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        return stage, words[:-1], words[-1]

    @property
    def variables(self) -> dict[str, str]:
        """The variables of an ENV."""
        return dict(re.findall(r"(\w+)=(\S+)", self.text))


@dataclass
class Stage:
    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


def read_stages(file: Path = DOCKERFILE) -> dict[str, Stage]:
    """The stages, by name, in order."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: dict[str, Stage] = {}
    for logical in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not logical.strip():
            continue
        keyword, _, text = logical.partition(" ")
        assert keyword in KEYWORDS, f"{keyword} is not understood: {logical}"
        if keyword == "FROM":
            base, _, name = text.strip().partition(" AS ")
            assert name, f"every stage has a name: {logical}"
            stages[name] = Stage(name, base)
        else:
            list(stages.values())[-1].instructions.append(Instruction(keyword, text.strip()))
    return stages


def inherited(stages: dict[str, Stage], name: str) -> list[Instruction]:
    """The steps of a stage and of the stages on which it is built, in order."""
    stage = stages[name]
    before = inherited(stages, stage.base) if stage.base in stages else []
    return [*before, *stage.instructions]
