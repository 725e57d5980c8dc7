"""`python -m keystead.keyholder`."""

from keystead.keyholder.process import main

main()
