"""Datagrams to people's sound: transport, attribution, end-to-end decryption, order, Opus."""
