"""``python -m bot doctor``: examines every part of the bot, and says what is wrong and what to do about it."""
