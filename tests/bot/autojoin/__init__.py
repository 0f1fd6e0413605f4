"""Tests of coming by itself."""
