"""Kokoro: a natural neural engine with speakers of six languages, for a processor. Its weights are under Apache-2.0."""
