"""Sections: groups of settings. Each section is for one part of a program, which takes it as its options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_origin, get_type_hints

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from config.addresses import host_and_port
from config.characters import check_characters
from config.types import Address, LinesCount


class Variable:
    """Marks a setting whose variable lacks its section's prefix. ``name`` is the variable's name in lower case."""

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(frozen=True, slots=True)
class Section:
    """Base class of sections. A field's variable is ``prefix`` plus the field's name, in capitals.

    Values that are read from the environment are checked by pydantic. Values set by the program are not.

    Attributes:
        chosen: names of the fields that the operator has set.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
    prefix: ClassVar[str]

    chosen: frozenset[str] = field(default=frozenset(), kw_only=True, compare=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: object, info: ValidationInfo) -> object:
        return value if info.field_name in (None, "chosen") else as_meant(value, fields_of(cls)[info.field_name])


@dataclass(frozen=True, slots=True)
class ServerSection(Section):
    """Base class of sections of a server.

    Attributes:
        bind: address and port to listen on.
    """

    bind: Address

    @property
    def host(self) -> str:
        """Address to listen on."""
        return host_and_port(self.bind)[0]

    @property
    def port(self) -> int:
        """Port to listen on; 0 chooses a free one."""
        return host_and_port(self.bind)[1]


def fields_of(section: type[Section]) -> Mapping[str, FieldInfo]:
    """The settings of a section, by field name."""
    return _fields_of(section)  # type: ignore[arg-type]  # mypy checks the hash of instances, not of the class.


@cache
def _fields_of(section: type[Section]) -> Mapping[str, FieldInfo]:
    hints = get_type_hints(section, include_extras=True)
    return MappingProxyType(
        {
            each.name: FieldInfo.from_annotated_attribute(hints[each.name], _default(each))
            for each in dataclasses.fields(section)
            if each.name != "chosen"
        }
    )


def setting_name(section: type[Section], name: str) -> str:
    """Name of a field's variable, in lower case."""
    marks = [mark.name for mark in fields_of(section)[name].metadata if isinstance(mark, Variable)]
    return marks[0] if marks else f"{section.prefix}{name}"


def as_meant(value: object, setting: FieldInfo) -> object:
    """Strip a value, and convert it to lower case if the setting takes only one of a few fixed words.

    Raises:
        ValueError: the value has forbidden characters; see :func:`~config.characters.check_characters`.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    check_characters(text, line_breaks=any(isinstance(mark, LinesCount) for mark in setting.metadata))
    return text.lower() if _is_choice(setting.annotation) else text


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default_factory is not dataclasses.MISSING:
        return Field(default_factory=each.default_factory)
    return each.default


def _is_choice(annotation: object) -> bool:
    return get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum))
