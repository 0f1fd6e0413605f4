"""The browser transport of a call: one person, who talks through a WebSocket. It knows no web server.

``messages.py`` has all messages of the WebSocket ``/ws/chat``.
"""
