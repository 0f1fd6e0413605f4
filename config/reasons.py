"""Reasons why a file can't be used, in plain words instead of a library's."""

from __future__ import annotations

import errno
import json

import yaml
from pydantic import ValidationError

from config.yaml_files import TAB

_OF_ERRNO = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.EACCES: "this user has no permission for it",
    errno.EPERM: "this user has no permission for it",
    errno.EEXIST: "something with that name is there already",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.ELOOP: "its links lead round in a circle",
    errno.EDQUOT: "this user's share of the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EFBIG: "files may not be so large here (`ulimit -f`)",
    errno.ENAMETOOLONG: "its name is too long",
}


FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers of a full disk, of a user's full share of it, and of a file that may not become larger."""
UNREADABLE = (OSError, ValueError, yaml.YAMLError, RecursionError)
"""Exceptions of reading and parsing a file."""


class BrokenFileError(ValueError):
    """A required file can't be used. The message names the file and the fault, for people."""


def reason(error: Exception) -> str:
    """The reason in words that complete "FILE can't be read: …"."""
    match error:
        case ValidationError():
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            if first["type"] == "value_error":
                # One of our own rules, with a message for people.
                return f"{where}: {first['ctx']['error']}" if where else str(first["ctx"]["error"])
            return f"{where or 'its content'} is not as it has to be"
        case UnicodeDecodeError():
            line = error.object[: error.start].count(b"\n") + 1
            return f"line {line} is not written in UTF-8"
        case json.JSONDecodeError():
            return f"it is not JSON from line {error.lineno} on"
        case yaml.MarkedYAMLError() if error.problem_mark is not None and error.problem == TAB:
            return f"line {error.problem_mark.line + 1} begins with a tab, and YAML takes only spaces"
        case yaml.MarkedYAMLError() if error.problem_mark is not None:
            return f"it is not YAML from line {error.problem_mark.line + 1} on"
        case yaml.YAMLError() | RecursionError():
            return "it is not YAML"
        case OSError():
            return _OF_ERRNO.get(error.errno or 0) or error.strerror or str(error) or "the disk does not answer"
        case _:
            return "its content is not as it has to be"
