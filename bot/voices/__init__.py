"""Voices of the speech server: people choose one per server, and clone or delete them by command."""
