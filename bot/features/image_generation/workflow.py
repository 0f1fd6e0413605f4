"""The operator's workflow: a JSON file in ComfyUI's API format.

The file has named slots, such as ``{{prompt}}``, for the values that differ between drawings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from config.reasons import BrokenFileError, reason

Json = dict[str, Any]

_MAX_BYTES = 4 << 20
_SLOT = re.compile(r"\{\{(\w+)\}\}")


class WorkflowError(BrokenFileError):
    """The workflow can't be used. The text tells the operator what to change."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The values for the slots of one drawing. Sizes are in pixels."""

    prompt: str
    negative: str
    seed: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph: nodes by id, each with its class and inputs. Made by :meth:`load` or :meth:`parse`."""

    graph: Json

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a workflow file. Blocks on the disk.

        Raises:
            WorkflowError: the file can't be read, or :meth:`parse` finds a mistake.
        """
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise WorkflowError(f"{path} is too large for a workflow")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WorkflowError(f"{path} can't be read: {reason(error)}") from error
        try:
            return cls.parse(text)
        except WorkflowError as error:
            raise WorkflowError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a workflow and check it.

        Raises:
            WorkflowError: the text is not JSON or not in the API format, has no slot for the prompt, or has an unknown
                slot.
        """
        try:
            graph = json.loads(text)
        except (ValueError, RecursionError) as error:
            why = reason(error) if isinstance(error, json.JSONDecodeError) else "it is not JSON"
            raise WorkflowError(why) from error
        _check_nodes(graph)
        used = set(_slots_in([node["inputs"] for node in graph.values()]))
        if unknown := sorted(used - set(Slots.__slots__)):
            names = ", ".join(f"{{{{{name}}}}}" for name in Slots.__slots__)
            raise WorkflowError(f"it uses {{{{{unknown[0]}}}}}, which is an unknown slot; the known slots are {names}")
        if "prompt" not in used:
            raise WorkflowError("no input of any node holds {{prompt}}, so I could not say what to draw")
        return cls(graph)

    def fill(self, slots: Slots) -> Json:
        """The graph for one drawing, with all slots filled.

        If an input is exactly one slot, it gets the value itself (the seed as a number), not text.
        """
        return {key: node | {"inputs": _filled(node["inputs"], slots)} for key, node in self.graph.items()}


def _check_nodes(graph: object) -> None:
    if not isinstance(graph, dict) or not graph:
        raise WorkflowError("it must be a JSON object with at least one node; save the workflow with “Export (API)”")
    if isinstance(graph.get("nodes"), list):
        raise WorkflowError("it was saved for ComfyUI's editor; save it with “Export (API)” instead")
    for key, node in graph.items():
        if not (isinstance(node, dict) and isinstance(node.get("class_type"), str)):
            raise WorkflowError(f"node {key!r} has no class_type; save the workflow with “Export (API)”")
        if not isinstance(node.get("inputs"), dict):
            raise WorkflowError(f"node {key!r} has no inputs")


def _slots_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _SLOT.findall(value)
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _slots_in(each)


def _filled(value: Any, slots: Slots) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, slots) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, slots) for each in value]
    if not isinstance(value, str):
        return value
    if whole := _SLOT.fullmatch(value):
        return getattr(slots, whole[1])
    # All slots are filled in one pass, so that a slot in a person's prompt, such as "{{seed}}", stays as it is.
    return _SLOT.sub(lambda found: str(getattr(slots, found[1])), value)
