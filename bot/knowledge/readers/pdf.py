"""Reads PDF: the text of its pages, with pypdf."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

from bot.knowledge.readers.blocks import Block, UnreadableError
from bot.knowledge.readers.text import paragraphs

MAX_PAGES = 2_000
"""Of a longer document, only this many pages are read."""
_MAX_PAGE_CHARS = 100_000
_HYPHEN = re.compile(r"(?<=[a-zäöüß])-\n(?=[a-zäöüß])")


def read_pdf(data: bytes, notices: list[str]) -> Iterator[Block]:
    """The paragraphs of each page. A page that can't be read is left out."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        document = PdfReader(io.BytesIO(data))
        if document.is_encrypted and not document.decrypt(""):
            raise UnreadableError("it is encrypted, and needs a password")
        count = len(document.pages)
    # pypdf reports broken files by errors of every kind.
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise UnreadableError("this is no PDF, or a broken one") from error
    if count > MAX_PAGES:
        notices.append(f"only its first {MAX_PAGES:,} of {count:,} pages are read")
    broken = found = 0
    for number in range(min(count, MAX_PAGES)):
        try:
            text = document.pages[number].extract_text()[:_MAX_PAGE_CHARS]
        except Exception:  # pypdf reports broken pages by errors of every kind; they are counted
            broken += 1
            continue
        for paragraph in paragraphs(_HYPHEN.sub("", text)):
            found += 1
            yield Block(paragraph, place=f"page {number + 1}")
    if broken and broken == min(count, MAX_PAGES):
        raise UnreadableError("all of its pages are broken, or too large when they are unpacked")
    if broken:
        notices.append(f"{broken:,} of its pages are broken, or too large when they are unpacked")
    if not found:
        raise UnreadableError("it has no text; scanned pages are pictures")
