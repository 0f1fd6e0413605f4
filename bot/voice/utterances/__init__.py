"""Utterances: finds out whether words are for the bot, a command, an echo, a backchannel, or talk between people."""
