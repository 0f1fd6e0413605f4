"""A stand-in for Twilio: it announces phone calls to a bot, signed, and carries them over Media Streams."""
