"""structlog and logging, set up for a process that uses them: both speak in the one form of keystead.logs."""

import logging
import sys

import structlog

from keystead import logs


class Libraries(logging.Handler):
    """What libraries log: the name of the logger and the kind of the error. Their words may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        fields = {"level": record.levelname.lower(), "event": "a library logged", "logger": record.name}
        logs.write({**fields, **(logs.described(error) if error else {})})


def configure(process: str, form: str) -> None:
    """Everything that this process logs goes to standard error, in this form. Raises KeyError for no such form."""
    logs.name_process(process, form)
    structlog.configure(
        processors=[structlog.processors.add_log_level, logs.rendered],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[Libraries()], level=logging.WARNING, force=True)
