"""Readers of files, one for each format. They run in a child process; see :mod:`bot.knowledge.readers.child`."""
