"""The protocol between the bot and the speech server on ``/ws/stream``: one connection a session, JSON in, audio out.

``messages.py`` has every message, each a class that reads and writes itself. Audio is float32 little-endian, mono,
48,000 Hz, in binary frames between a segment's ``start`` and its ``end``.
"""
