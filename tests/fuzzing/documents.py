"""Reads OpenAPI documents: their operations, with all references resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        path: its template, such as ``/v1/voices/{voice}``.
        path_schemas: the schemas of the template's parameters.
        query_schemas: the schemas of its other parameters.
        bodies: the schemas of its body, by content type.
        statuses: the statuses that the document names.
    """

    method: str
    path: str
    path_schemas: Mapping[str, Any]
    query_schemas: Mapping[str, Any]
    bodies: Mapping[str, Any]
    statuses: frozenset[int]

    @property
    def opens_socket(self) -> bool:
        """Whether it is a WebSocket."""
        return 101 in self.statuses


def operations(document: Mapping[str, Any]) -> list[Operation]:
    found = []
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            parameters = [
                _plain(each, document) for each in [*item.get("parameters", ()), *operation.get("parameters", ())]
            ]
            content = _plain(operation.get("requestBody", {}), document).get("content", {})
            found.append(
                Operation(
                    method.upper(),
                    path,
                    {each["name"]: each["schema"] for each in parameters if each["in"] == "path"},
                    {each["name"]: each["schema"] for each in parameters if each["in"] == "query"},
                    {kind: _plain(each["schema"], document) for kind, each in content.items()},
                    frozenset(int(status) for status in operation["responses"]),
                )
            )
    return found


def _plain(value: Any, document: Mapping[str, Any]) -> Any:
    """A copy of a part of the document, with references and ``allOf`` replaced by what they mean."""
    if isinstance(value, list):
        return [_plain(each, document) for each in value]
    if not isinstance(value, Mapping):
        return value
    if "$ref" in value:
        target: Any = document
        for name in value["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return _plain(target, document)
    plain = {name: _plain(each, document) for name, each in value.items() if name != "allOf"}
    for part in (_plain(each, document) for each in value.get("allOf", ())):
        properties = {**part.get("properties", {}), **plain.get("properties", {})}
        plain = {**part, **plain, "properties": properties}
    return plain
