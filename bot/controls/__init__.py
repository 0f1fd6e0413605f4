"""What the bot changes about itself when it is asked: volume, speed, mood, leaving. The same in every kind of call."""
