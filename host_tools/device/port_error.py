"""Why a serial port failed, in the operating system's words and once."""

import os


def reason(error: BaseException) -> str:
    """Of an error that pyserial raised; it wraps the system's error in text of its own."""
    for cause in (error, error.__context__):
        number = cause.args[0] if cause is not None and cause.args else None
        if isinstance(number, int):
            return os.strerror(number)
    return " ".join(str(error).split()) or type(error).__name__
