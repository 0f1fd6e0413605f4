"""Text filters: each one removes something, such as thoughts, from a reply's text while it streams.

``chain.py`` has the protocol and the chain. ``ReplyFilter`` in ``bot/llm/answer.py`` builds the chain that every reply
goes through. To remove something else from replies, write a :class:`~bot.llm.filters.chain.TextFilter` and add it to
that chain.
"""
