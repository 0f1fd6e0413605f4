"""Files for tests: small ones of each kind, and PDFs made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

BUSINESS = {
    "company": {"name": "OneSuite", "founded": 2009, "openingHours": {"weekdays": "9-18", "weekend": "closed"}},
    "services": [
        {"name": "Virtual number", "price": "4.95 dollars a month", "countries": ["Germany", "Japan"]},
        {"name": "Fax", "price": "2 dollars a month", "notes": None},
    ],
    "常见问题": [{"问题": "如何充值?", "答案": "在账户页面点击充值按钮。"}],
}
"""What ``onesuite-business-data.json`` may look like."""
LOREBOOK = {
    "name": "The Vale",
    "entries": {
        "0": {
            "key": ["Brindle", "the inn"],
            "comment": "Inn",
            "content": "{{char}} owes the innkeeper of Brindle money.",
        },
        "1": {"key": ["dragon"], "content": "There is no dragon.", "disable": True},
    },
}


def pdf(pages: Sequence[str]) -> bytes:
    """A PDF with one line of ASCII text on each page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 200] /Resources << /Font << /F1 3 0 R >> >>"
            f" /Contents {5 + 2 * number} 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    return pdf_of(objects)


def pdf_of(objects: Sequence[str]) -> bytes:
    """A PDF of these objects, numbered from 1, with its cross-reference table. The first one is the catalogue."""
    body, starts = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        starts.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode("latin-1")
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    end = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
        f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    return body + end.encode("ascii")


def write_usual_files(folder: Path) -> None:
    """One file of each kind."""
    (folder / "sub").mkdir(parents=True)
    (folder / "onesuite-business-data.json").write_text(json.dumps(BUSINESS, ensure_ascii=False), encoding="utf-8")
    (folder / "lore.json").write_text(json.dumps(LOREBOOK), encoding="utf-8")
    (folder / "sub" / "handbook.md").write_text(
        "# Handbook\n\nWelcome.\n\n## Coffee machine\n\nDescale it **every** [four weeks](https://example.org/x).\n\n"
        "```\n# not a heading\n```\n\n## Bicycles\n\nThe shed's code is 4711.\n",
        encoding="utf-8",
    )
    (folder / "notes.txt").write_bytes("Müller wohnt im dritten Stock.\r\n\r\nDer Kater heißt Mohr.".encode("cp1252"))
    (folder / "茶.txt").write_bytes("龙井茶产于杭州。".encode("gb18030"))
    (folder / "page.html").write_text(
        "<html><head><title>Ferry</title><style>x{}</style></head><body><nav>Home</nav><h2>Timetable</h2>"
        "<table><tr><td>Monday<td>8:15</tr><tr><td>Tuesday<td>9:30</tr></table><script>alert(1)</script></body></html>",
        encoding="utf-8",
    )
    (folder / "manual.pdf").write_bytes(pdf(["Read this first.", "The pump has a warranty of three years."]))


def pdf_of_streams(pages: Sequence[tuple[bytes, str]]) -> bytes:
    """A PDF whose pages have these contents. Each content is packed already, with the filters beside it."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode("ascii"),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, (packed, filters) in enumerate(pages):
        page = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 200] /Resources << /Font << /F1 3 0 R >> >>"
            f" /Contents {5 + 2 * number} 0 R >>"
        )
        head = f"<< /Length {len(packed)} /Filter {filters} >>\nstream\n"
        objects += [page.encode("ascii"), head.encode("ascii") + packed + b"\nendstream"]
    return pdf_of([each.decode("latin-1") for each in objects])
