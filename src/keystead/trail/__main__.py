"""`python -m keystead.trail`."""

from keystead.trail.process import main

main()
