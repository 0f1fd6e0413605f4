"""Phone calls over SIP and RTP: from a PBX at which the bot is registered, or directly from a phone."""
