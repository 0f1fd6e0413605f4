"""Timers and reminders: stored, and told when they are due, in the call or by a ping."""
