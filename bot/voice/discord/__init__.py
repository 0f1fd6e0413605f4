"""Discord as a transport of calls: voice connection, packets, people and text channel.

No other package of a call knows Discord.
"""
