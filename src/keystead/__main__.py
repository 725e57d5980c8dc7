"""`python -m keystead` is the command line."""

from keystead.cli import main

if __name__ == "__main__":
    main()
