"""Vision: a vision model describes the pictures and videos that people post."""
