"""Small streams shaped like those of real servers, and what a reader is to make of each.

The files are YAML: a list of streams, each with

- ``name``: what is special about it;
- ``body``: what the server writes; ``line_end``, ``end`` (what stands at its very end) and ``bom`` change it;
- ``type``: the content type (text/event-stream), ``api``: the endpoint (chat);
- ``begins_inside``: the model is known to begin its replies inside a thought; ``speakers``: who is known by name;
- ``text``: what stands of the reply in the end, ``error`` and ``says``: the kind of the failure, and words in it;
- ``calls``: the tools that are called, each as [name, arguments], and ``ids``: their ids;
- ``order``: how text and calls follow each other, where it is not the text first ("ct" is a call and then text);
- ``thoughts``: what is never passed on; ``retracts``: something is, and is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.llm.errors import ModelErrorKind
from bot.llm.messages import SpeakerNames
from config.sections import ModelApi
from config.yaml_files import read_yaml


@dataclass(frozen=True)
class Stream:
    """One stream of the corpus."""

    name: str
    body: bytes
    text: str
    content_type: str = "text/event-stream"
    api: ModelApi = ModelApi.CHAT
    error: ModelErrorKind | None = None
    says: tuple[str, ...] = ()
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    ids: tuple[str, ...] = ()
    order: str = ""
    thoughts: tuple[str, ...] = ()
    retracts: bool = False
    begins_inside: bool = False
    speakers: SpeakerNames = field(default_factory=SpeakerNames)


def streams() -> list[Stream]:
    """All of them, by file."""
    return [stream for path in sorted(Path(__file__).parent.glob("*.yaml")) for stream in _read(path)]


def _read(path: Path) -> Iterator[Stream]:
    for fields in read_yaml(path):
        fields = dict(fields)
        speakers: dict[str, list[str]] = fields.pop("speakers", {})
        error = fields.pop("error", None)
        yield Stream(
            name=f"{path.stem}: {fields.pop('name')}",
            body=_body(fields),
            text=fields.pop("text", ""),
            content_type=fields.pop("type", "text/event-stream"),
            api=ModelApi(fields.pop("api", "chat")),
            error=ModelErrorKind(error) if error else None,
            says=tuple(fields.pop("says", ())),
            calls=tuple((name, arguments) for name, arguments in fields.pop("calls", ())),
            ids=tuple(fields.pop("ids", ())),
            thoughts=tuple(fields.pop("thoughts", ())),
            speakers=SpeakerNames(tuple(speakers.get("own", ())), tuple(speakers.get("others", ()))),
            **fields,
        )


def _body(fields: dict[str, Any]) -> bytes:
    lines: str = fields.pop("body").rstrip("\n")
    end: str = fields.pop("end", "\n\n")
    line_end: str = fields.pop("line_end", "\n")
    bom = "\ufeff" if fields.pop("bom", False) else ""
    return (bom + (lines + end).replace("\n", line_end)).encode()
