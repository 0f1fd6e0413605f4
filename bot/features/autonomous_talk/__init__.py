"""Autonomous talk: posts that nobody asked for, in channels where people have opted in."""
