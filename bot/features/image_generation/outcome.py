"""The result of a finished drawing: its pictures or its error, read from ComfyUI's JSON. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.text import shorten

MAX_ERROR_CHARS = 300


class DrawingError(Exception):
    """There is no picture. The text says why, for the person who asked."""


class UnreachableError(DrawingError):
    """ComfyUI does not answer."""


class CancelledByUserError(DrawingError):
    """The person who asked has cancelled the drawing."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """The location of a picture at ComfyUI.

    ``folder`` is one of ComfyUI's main folders: ``output`` for saved pictures, ``temp`` for previews. ``subfolder`` is
    a path inside this folder.
    """

    filename: str
    subfolder: str
    folder: str


def pictures_of(entry: dict[str, Any]) -> tuple[PictureFile, ...]:
    """The saved pictures of a drawing; its preview pictures if none was saved.

    Raises:
        DrawingError: the drawing failed, was interrupted, or made no picture.
    """
    status = entry.get("status")
    if isinstance(status, dict) and status.get("status_str") == "error":
        raise DrawingError(_why(status.get("messages")))
    found = list(_files(entry.get("outputs")))
    saved = tuple(file for file in found if file.folder == "output")
    if not found:
        raise DrawingError("❌ ComfyUI finished, but made no picture: its workflow saves none.")
    return saved or tuple(found)


def error_line(fault: object) -> str:
    """The text of a ComfyUI error object, on one line."""
    if not isinstance(fault, dict):
        return shorten(" ".join(str(fault).split()), MAX_ERROR_CHARS)
    words = [fault.get("message") or fault.get("exception_message"), fault.get("details")]
    return shorten(" ".join(": ".join(str(word) for word in words if word).split()), MAX_ERROR_CHARS)


def rejection(body: dict[str, Any]) -> str:
    """Why ``POST /prompt`` was refused: the first node's error if there is one, otherwise the general error."""
    nodes = body.get("node_errors")
    for node in nodes.values() if isinstance(nodes, dict) else ():
        for fault in node.get("errors") or () if isinstance(node, dict) else ():
            return f"{node.get('class_type', 'a node')}: {error_line(fault)}"
    return error_line(body.get("error") or "it gave no reason")


def _why(messages: object) -> str:
    for message in messages if isinstance(messages, list) else ():
        match message:
            case ["execution_interrupted", *_]:
                return "🛑 Somebody stopped this drawing in ComfyUI."
            case ["execution_error", dict() as about]:
                return f"❌ ComfyUI could not draw that: {about.get('node_type', 'a node')}: {error_line(about)}"
            case _:
                pass
    return "❌ ComfyUI could not draw that, and did not say why."


def _files(outputs: object) -> Iterator[PictureFile]:
    for output in outputs.values() if isinstance(outputs, dict) else ():
        for listed in output.values() if isinstance(output, dict) else ():
            for file in listed if isinstance(listed, list) else ():
                if isinstance(file, dict) and isinstance(file.get("filename"), str):
                    yield PictureFile(
                        file["filename"], str(file.get("subfolder") or ""), str(file.get("type") or "output")
                    )
