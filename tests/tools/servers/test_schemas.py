"""Schemas of tools that others wrote: what a model server can't read is not passed on."""

from __future__ import annotations

from typing import Any

import pytest

from bot.tools.servers.schemas import clean_schema


def test_a_reference_becomes_what_it_refers_to() -> None:
    place = {"type": "object", "properties": {"city": {"type": "string"}}}
    schema = {
        "type": "object",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"Place": place},
        "properties": {"where": {"$ref": "#/$defs/Place", "description": "Where?"}},
    }
    assert clean_schema(schema) == {"type": "object", "properties": {"where": {**place, "description": "Where?"}}}


@pytest.mark.parametrize("reference", ["#", "#/", "#/properties/a", "https://evil.example/schema", "nowhere", ""])
def test_a_reference_to_itself_or_to_nothing_allows_everything(reference: str) -> None:
    cleaned = clean_schema({"type": "object", "properties": {"a": {"$ref": reference}}})
    assert "$ref" not in str(cleaned)
    assert "evil" not in str(cleaned)
    assert cleaned["properties"].keys() == {"a"}


def test_a_schema_that_contains_a_list_of_its_own_kind_is_cut_off() -> None:
    node = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
    cleaned = clean_schema(
        {"type": "object", "properties": {"root": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    )
    children = cleaned["properties"]["root"]["properties"]["children"]
    assert children == {"type": "array", "items": {}}


def test_references_that_multiply_are_refused() -> None:
    twice: dict[str, Any] = {"$defs": {}, "$ref": "#/$defs/d0"}
    for number in range(11):
        following = {"$ref": f"#/$defs/d{number + 1}"}
        twice["$defs"][f"d{number}"] = {"properties": {f"p{each}": following for each in range(10)}}
    with pytest.raises(ValueError, match="it is"):
        clean_schema(twice)


def test_patterns_are_left_out_but_not_an_argument_of_this_name() -> None:
    schema = {
        "type": "object",
        "properties": {"pattern": {"type": "string", "pattern": "(a+)+$"}, "definitions": {"type": "string"}},
        "required": ["pattern"],
    }
    assert clean_schema(schema) == {
        "type": "object",
        "properties": {"pattern": {"type": "string"}, "definitions": {"type": "string"}},
        "required": ["pattern"],
    }
