"""The telephone: a call over a phone line, which Twilio or a SIP connection gives."""
