"""Seiyuu's version, shown by the programs and sent to servers."""

VERSION = "0.1.0"
