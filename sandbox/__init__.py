"""A local Discord for testing voice bots: REST API, gateway, voice gateway, UDP and end-to-end encryption."""
