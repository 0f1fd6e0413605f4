"""Figurine notifier: messages about new items in web feeds."""
