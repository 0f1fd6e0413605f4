"""The corpus: small streams shaped like those of real servers, and the expected result of reading each.

The files are YAML: a list of streams, each with

- ``name``: the special property of the stream;
- ``body``: the text that the server sends; ``line_end``, ``end`` (the text at its very end) and ``bom`` change it;
- ``type``: the content type (default: text/event-stream); ``api``: the endpoint (default: chat);
- ``begins_inside``: whether the model is known to begin its replies inside a thought;
- ``tools``: whether the model was offered tools;
- ``speakers``: the names of the people in the conversation;
- ``text``: the expected text that is left of the reply;
- ``error`` and ``says``: the kind of the expected error, and words in its message;
- ``calls``: the expected tool calls, each as [name, arguments], and ``ids``: their ids;
- ``order``: the order of text and calls, if the text does not come first ("ct" is a call and then text);
- ``mood``: the mood that the reply's head names;
- ``thoughts``: text that must never be passed on; ``retracts``: whether text is passed on and then retracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.llm.errors import ModelErrorKind
from bot.llm.messages import SpeakerNames
from config.engine_sections import ModelApi
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
    mood: str | None = None
    thoughts: tuple[str, ...] = ()
    retracts: bool = False
    begins_inside: bool = False
    tools: bool = False
    speakers: SpeakerNames = field(default_factory=SpeakerNames)


def streams() -> list[Stream]:
    """All streams of the corpus, in the order of the files."""
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
