"""What a reply's text must not carry, taken out while it streams: one filter behind the other.

``chain.py`` has the protocol and the chain, ``reply_text.py`` builds the one that every reply goes through. To take
something else out, write a :class:`~bot.llm.filters.chain.TextFilter` and put it into ``reply_filters`` there.
"""
