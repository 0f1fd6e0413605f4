"""The browser transport of a call: one person, who talks through a WebSocket. It depends on no web server.

``client_messages.py`` and ``server_messages.py`` have the messages of the WebSocket ``/ws/chat``.
"""
