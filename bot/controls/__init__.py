"""What the bot changes about itself when people ask for it: volume, speed, mood, leaving. The same in all calls."""
