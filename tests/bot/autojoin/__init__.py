"""Tests of how the bot comes into channels by itself."""
