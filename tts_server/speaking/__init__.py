"""Synthesis of replies: choice of engine and voice, queueing, fallback, and the connections that receive the sound."""
