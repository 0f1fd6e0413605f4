"""RealtimeTTS: engines written for that library, local or in the cloud, adapted to the ``SpeechEngine`` interface."""
