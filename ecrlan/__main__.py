"""`python -m ecrlan` is `ecrlan`."""

from ecrlan.cli import main

if __name__ == "__main__":
    main()
