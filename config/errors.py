"""What is wrong with a setting, in words: what was given, what is allowed, and a good example."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

_SCHEMES = {"http": "http:// or https://", "https": "http:// or https://", "ws": "ws:// or wss://"}
_NUMBERS = ("float_", "int_", "greater_than", "less_than", "finite_number")


class SettingsError(ValueError):
    """Settings can't be used; a line for each names the variable, the fault and an example."""


def explain(
    fault: Mapping[str, Any], fields: Mapping[str, FieldInfo], examples: Mapping[str, str], secrets: Collection[str]
) -> str:
    """One line about one of pydantic's errors. The values of ``secrets`` are not shown."""
    wanted = _wanted(fault, fields, examples)
    if not fault["loc"]:
        # A rule between several settings names them itself.
        return wanted
    variable = str(fault["loc"][0]).upper()
    given = "its value" if variable in secrets else repr(fault["input"])
    example = f", for example {variable}={examples[variable]}" if variable in examples else ""
    return f"{variable}: {given} is not valid. {wanted[:1].upper()}{wanted[1:].rstrip('.')}{example}"


def message_of(fault: Mapping[str, Any]) -> str:
    """What one of pydantic's errors says, for people: without the regular expression where there is one."""
    if fault["type"] == "string_pattern_mismatch":
        return "It has characters that are not allowed there"
    return str(fault["msg"])


def _wanted(fault: Mapping[str, Any], fields: Mapping[str, FieldInfo], examples: Mapping[str, str]) -> str:
    kind, context = str(fault["type"]), fault.get("ctx", {})
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if kind == "value_error":
        return str(context["error"])
    if kind in ("enum", "literal_error"):
        return f"it must be one of {str(context['expected']).replace(chr(39), '')}"
    if kind.startswith("bool_"):
        return "it must be true or false"
    if kind.startswith(_NUMBERS) and name in fields:
        return f"it must be {_number(fields[name])}"
    if kind.startswith("url_"):
        scheme = examples.get(name.upper(), "http").partition("://")[0]
        return f"it must be an address that begins with {_SCHEMES.get(scheme, _SCHEMES['http'])}"
    message = message_of(fault)
    return message[:1].lower() + message[1:]


def _number(field: FieldInfo) -> str:
    what = "a whole number" if field.annotation is int else "a number"
    low = next((f"{each.ge:,}" for each in field.metadata if isinstance(each, Ge)), None)
    high = next((f"{each.le:,}" for each in field.metadata if isinstance(each, Le)), None)
    above = next((f"above {each.gt:,}" for each in field.metadata if isinstance(each, Gt)), None)
    below = next((f"below {each.lt:,}" for each in field.metadata if isinstance(each, Lt)), None)
    if low and high:
        return f"{what} from {low} to {high}"
    bounds = (above, f"of at least {low}" if low else None, below, f"of at most {high}" if high else None)
    return " ".join([what, " and ".join(filter(None, bounds))]).rstrip()
