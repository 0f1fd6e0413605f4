"""Settings, personas and presets, and rules that all programs share."""
