"""`python -m skysql`, and the command `skysql`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
