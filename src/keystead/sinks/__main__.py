"""The sinks' process, as the supervisor starts it."""

from keystead.sinks.process import main

main()
