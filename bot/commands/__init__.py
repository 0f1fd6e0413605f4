"""Cogs (groups of commands) that belong to no feature. Each command calls a service and shows its answer."""
