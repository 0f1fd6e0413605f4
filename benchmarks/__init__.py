"""Repeatable measurements; each prints a table and can write JSON."""
