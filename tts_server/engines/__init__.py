"""Speech engines, each behind the same small interface."""
