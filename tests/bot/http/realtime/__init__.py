"""Tests of ``WS /v1/realtime``."""
