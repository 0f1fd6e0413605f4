"""Errors in settings, in words for people: place, given value, allowed values, and an example."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

_SCHEMES = {"http": "http:// or https://", "https": "http:// or https://", "ws": "ws:// or wss://"}
_NUMBER_ERROR_TYPES = ("float_", "int_", "greater_than", "less_than", "finite_number")
_WITH_UNIT = re.compile(r"\s*-?[\d.,]+\s*[A-Za-z%]+\s*")
_MAX_SHOWN_CHARACTERS = 60
"""Maximum number of characters of a value that are shown."""
_PASSWORD = re.compile(r"//[^/\s]*@")
_SECRET_INSIDE = re.compile(r"key|token|secret|passw|auth", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One error in the settings, as a line for people.

    Attributes:
        variables: the settings concerned.
        where: place of the setting, shown before the text; empty if it is in the environment.
        line: line number in ``.env``, if the setting is there.
    """

    text: str
    variables: tuple[str, ...] = ()
    where: str = ""
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


class SettingsError(ValueError):
    """The settings are not valid. The message has a line per error, those in ``.env`` first and in the file's order."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = in_order(fault if isinstance(fault, Fault) else Fault(fault) for fault in faults)
        super().__init__("\n".join(map(str, self.faults)))


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Remove duplicates and sort by line. If two programs report the same setting, the first report is kept."""
    kept: dict[object, Fault] = {}
    for fault in faults:
        kept.setdefault(fault.variables or str(fault), fault)
    return tuple(sorted(kept.values(), key=lambda fault: (fault.line is None, fault.line or 0)))


def fault_of(
    fault: Mapping[str, Any], fields: Mapping[str, FieldInfo], examples: Mapping[str, str], secrets: Collection[str]
) -> Fault:
    """Turn one of pydantic's errors into a fault. Values of ``secrets`` are not shown."""
    wanted = _wanted(fault, fields, examples)
    if not fault["loc"]:
        # The fault comes from a rule between several settings. Its message names them.
        return Fault(wanted, tuple(name for name in re.findall(r"\b[A-Z_]{4,}\b", wanted) if name.lower() in fields))
    variable = str(fault["loc"][0]).upper()
    given = "its value" if variable in secrets else shown(fault["input"])
    # A text that ends with a question names already what was probably meant.
    wants_example = variable in examples and not wanted.endswith("?")
    example = f", for example {variable}={examples[variable]}" if wants_example else ""
    return Fault(
        f"{variable}: {given} is not valid. {wanted[:1].upper()}{wanted[1:].rstrip('.')}{example}", (variable,)
    )


def shown(value: object) -> str:
    """A value shortened for display, without parts that may be secret."""
    text = str(value)
    if text.lstrip().startswith("{") and _SECRET_INSIDE.search(text):
        return "its value"
    text = _PASSWORD.sub("//…@", text)
    return repr(text if len(text) <= _MAX_SHOWN_CHARACTERS else f"{text[: _MAX_SHOWN_CHARACTERS - 1]}…")


def message_of(fault: Mapping[str, Any]) -> str:
    """The message of one of pydantic's errors, without the regular expression of a pattern."""
    if fault["type"] == "string_pattern_mismatch":
        return "It has characters that are not allowed there"
    return str(fault["msg"])


def _wanted(fault: Mapping[str, Any], fields: Mapping[str, FieldInfo], examples: Mapping[str, str]) -> str:
    kind, context = str(fault["type"]), fault.get("ctx", {})
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if kind == "value_error":
        return str(context["error"])
    if kind in ("enum", "literal_error"):
        values = str(context["expected"]).replace("'", "")
        return f"it must be one of {values}"
    if kind == "string_unicode":
        return "it must be written in UTF-8"
    if kind.startswith("bool_"):
        return "it must be true or false"
    if kind.startswith(_NUMBER_ERROR_TYPES) and name in fields:
        unit = ", without a unit" if _WITH_UNIT.fullmatch(str(fault["input"])) else ""
        return f"it must be {_number(fields[name])}{unit}"
    if kind.startswith("url_"):
        scheme = examples.get(name.upper(), "http").partition("://")[0]
        return f"it must be an address that begins with {_SCHEMES.get(scheme, _SCHEMES['http'])}"
    message = message_of(fault)
    return message[:1].lower() + message[1:]


def _number(field: FieldInfo) -> str:
    what = "a whole number" if field.annotation in (int, int | None) else "a number"
    low = next((f"{each.ge:,}" for each in field.metadata if isinstance(each, Ge)), None)
    high = next((f"{each.le:,}" for each in field.metadata if isinstance(each, Le)), None)
    above = next((f"above {each.gt:,}" for each in field.metadata if isinstance(each, Gt)), None)
    below = next((f"below {each.lt:,}" for each in field.metadata if isinstance(each, Lt)), None)
    if low and high:
        return f"{what} from {low} to {high}"
    bounds = (above, f"of at least {low}" if low else None, below, f"of at most {high}" if high else None)
    return " ".join([what, " and ".join(filter(None, bounds))]).rstrip()
