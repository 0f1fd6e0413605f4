"""Which version of Seiyuu this is: said by the bot, by the speech server, and to servers that are asked."""

VERSION = "0.1.0"
