"""Tests of character cards."""
