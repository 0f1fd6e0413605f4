"""Benchmark of hours of conversation: several bots and their clients at once, and what the bots hold meanwhile."""
