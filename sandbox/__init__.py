"""A local Discord: REST, gateway, voice gateway, UDP and end-to-end encryption, for anybody who writes a voice bot."""
