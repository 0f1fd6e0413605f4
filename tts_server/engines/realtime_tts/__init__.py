"""RealtimeTTS: engines written for that library, on this machine and in the cloud, fitted to ``SpeechEngine``."""
