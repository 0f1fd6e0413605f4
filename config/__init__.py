"""Typed settings, personas and presets."""
