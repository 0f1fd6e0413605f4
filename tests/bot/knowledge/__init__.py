"""Tests of the knowledge from the operator's files."""
