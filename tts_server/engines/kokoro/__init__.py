"""Kokoro: a natural neural engine for a processor. Its speakers speak English, Spanish, French, Hindi, Italian, Portuguese."""
