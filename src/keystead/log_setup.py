"""structlog and logging, set up for a process that uses them: both speak in the one form of keystead.logs."""

import sys

import structlog

from keystead import library_logs, logs


def configure(process: str, form: str) -> None:
    """Everything that this process logs goes to standard error, in this form. Raises KeyError for no such form."""
    logs.name_process(process, form)
    structlog.configure(
        processors=[structlog.processors.add_log_level, logs.rendered],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    library_logs.configure()
