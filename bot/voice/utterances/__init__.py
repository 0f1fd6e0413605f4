"""Classification of utterances: words for the bot, a command, an echo, a backchannel, or talk between people."""
