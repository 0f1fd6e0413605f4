"""Playback of the bot's speech: queues sound, sends a frame every 20 ms, and reports how much was sent."""
