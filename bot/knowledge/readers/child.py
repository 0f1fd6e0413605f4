"""Child program: reads a file of the operator's, and prints its passages as lines of JSON.

A malicious or broken file can keep a parser busy for hours, or make it take all memory. Therefore the readers run in a
program of their own: unlike a thread, a process can be limited and killed.

Arguments: the file, and the name of its reader. Each line of its output is ``["passage", headings, text, place, also]``
or ``["notice", text]``; the last line is ``["end"]`` or ``["error", text]``. If the last line is missing, a limit was
reached.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Larger files are not read."""
MAX_PASSAGES = 20_000
"""Of a file with more passages, only the first ones are kept."""
_CPU_SECONDS = 120
"""Seconds of CPU time after which the system kills this program."""
_MEMORY_BYTES = 1024 * 1024 * 1024
"""Maximum number of bytes of memory that this program can use."""
KINDS: Mapping[str, str] = {
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".txt", ".text"), "text"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".json", ".jsonl"), "json"),
    ".pdf": "pdf",
}
"""The kinds of files that are read, by the ending of their names in lower case."""


def main(file: str, kind: str) -> None:
    """Read the file, and print what is in it."""
    # Python looks for modules only in its own folders, because of `-I`.
    sys.path.insert(0, str(Path(__file__).parents[3]))
    from bot.knowledge.readers.blocks import UnreadableError
    from bot.knowledge.readers.splitting import split

    notices: list[str] = []
    end: list[str] = ["end"]
    try:
        for count, passage in enumerate(split(_reader(kind)(_content(file), notices))):
            if count == MAX_PASSAGES:
                notices.append(f"only its first {MAX_PASSAGES:,} passages are kept")
                break
            _print(["passage", passage.headings, passage.text, passage.place, passage.also])
    except UnreadableError as error:
        end = ["error", str(error)]
    except OSError as error:
        end = ["error", f"it can't be opened: {error.strerror}"]
    except RecursionError:
        end = ["error", "it is nested too deeply"]
    except MemoryError:
        end = ["error", "reading it takes too much memory"]
    except Exception as error:  # told to the operator; the parent has no other way to know
        end = ["error", f"its reader can't make sense of it ({type(error).__name__})"]
    for notice in notices:
        _print(["notice", notice])
    _print(end)


def _reader(kind: str):  # type: ignore[no-untyped-def]  # its type is imported only where it is needed
    if kind == "pdf":
        from bot.knowledge.readers.pdf import read_pdf

        return read_pdf
    if kind == "html":
        from bot.knowledge.readers.html import read_html

        return read_html
    if kind == "json":
        from bot.knowledge.readers.json_records import read_json_file

        return read_json_file
    if kind == "markdown":
        from bot.knowledge.readers.markdown import read_markdown

        return read_markdown
    from bot.knowledge.readers.text import read_text

    return read_text


def _content(file: str) -> bytes:
    from bot.knowledge.readers.blocks import UnreadableError

    # Without O_NONBLOCK, a named pipe would wait for a writer.
    with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise UnreadableError("this is no file")
        data = opened.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def _print(line: list[str]) -> None:
    sys.stdout.buffer.write(json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n")
    # This program may be killed at any time. What it has read by then is kept.
    sys.stdout.buffer.flush()


def _limit_resources() -> None:
    if sys.platform != "win32":
        import resource

        os.nice(19)
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limit_resources()
    main(*sys.argv[1:])
