"""Readers of the kinds of files. They run in a child process; see :mod:`bot.knowledge.readers.child`."""
