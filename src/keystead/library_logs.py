"""What libraries log, in the one form of keystead.logs."""

import logging

from keystead import logs


class Libraries(logging.Handler):
    """The name of the logger and the kind of the error. Their words may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        fields = {"level": record.levelname.lower(), "event": "a library logged", "logger": record.name}
        logs.write({**fields, **(logs.described(error) if error else {})})


def configure() -> None:
    logging.basicConfig(handlers=[Libraries()], level=logging.WARNING, force=True)
