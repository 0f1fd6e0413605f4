"""Coming by itself: the bot joins the voice channel that a server has chosen, when somebody is there."""
