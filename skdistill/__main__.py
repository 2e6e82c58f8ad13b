"""``python -m skdistill`` is the command line."""

import sys

from skdistill._cli import main

if __name__ == "__main__":
    sys.exit(main())
