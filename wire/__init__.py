"""Protocol between the bot and the speech server on ``/ws/stream``.

The bot sends text as JSON. The speech server answers with events as JSON, and with sound.

Each message is a class that reads and writes itself (``messages.py``). Sound is float32 little-endian, mono,
48,000 Hz, in binary frames between a segment's ``start`` and its ``end``. Each connection is a session of its own.
"""
