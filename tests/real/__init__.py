"""Tests with real weights for transcriber, model and voice, as on a first start. ``make test-real`` runs them."""
