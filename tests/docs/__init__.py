"""Tests of the documents against the code. A failure names the document and the line."""
