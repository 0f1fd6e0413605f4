"""The speech server: text in, audio out, over one WebSocket."""
