"""Code for all engines that run a network with ONNX Runtime: loading a network, and speech that can be stopped.

Only engines import this module, because ONNX Runtime is imported only where it is used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

import onnxruntime

from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.engines.model_thread import ModelThread, PutSamples


def load_session(model: str | bytes, threads: int) -> onnxruntime.InferenceSession:
    """Load a network for the processor. It raises ONNX Runtime's errors, which have no common base class.

    Args:
        model: path of the ONNX file, or its contents.
        threads: the number of threads that compute one text.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between two small operations a thread spins for a moment, which is cheaper than sleeping: Piper's first sound is
    # ready 6 ms sooner. Between two texts the threads sleep, and leave the cores to Whisper and the language model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # With memory patterns, ONNX Runtime would keep memory for every length of text.
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def stream_speech(
    thread: ModelThread,
    engine: str,
    stop: threading.Event,
    speak: Callable[[onnxruntime.RunOptions, PutSamples], None],
) -> Generator[Samples, None, None]:
    """Run ``speak`` in the engine's thread, and yield its sound. A stop ends the network's run at its next operation.

    Args:
        thread: the engine's thread.
        engine: name of the engine, for error messages.
        stop: ends the stream; any thread may set it.
        speak: runs the network with the options that it gets, and passes each piece of sound to the function that it
            gets.

    Raises:
        EngineError: the text can't be spoken; the message says why.
    """
    options = onnxruntime.RunOptions()

    def abandon() -> None:
        options.terminate = True

    def make(put: PutSamples) -> None:
        try:
            speak(options, put)
        except EngineError:
            raise
        # ONNX Runtime's errors have no common base class except Exception.
        except Exception as error:
            if not options.terminate:
                raise EngineError(f"{engine} could not speak the text: {error}") from error

    return thread.stream(make, stop, abandon)


def one_line(error: Exception) -> str:
    """An error of ONNX Runtime in at most 200 characters, without line breaks."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:200].rstrip(".")
