"""Protocol between the bot and the speech server on ``/ws/stream``: text as JSON in, events as JSON and sound out.

Each message is a class that reads and writes itself (``messages.py``). Sound is float32 little-endian, mono,
48,000 Hz, in binary frames between a segment's ``start`` and its ``end``. A session uses one connection.
"""
