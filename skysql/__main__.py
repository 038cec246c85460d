"""`python -m skysql`, and the command `skysql`."""

import sys


def main() -> int:
    """Run a command; returns the exit status."""
    try:
        from . import cli  # which takes half a second, in which somebody may have thought better of it

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
