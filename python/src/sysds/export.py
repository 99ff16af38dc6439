"""`python -m sysds.export`: writes a part of a release in the text format of the published studies (see `studies`)."""

import sys

from .studies import main

if __name__ == "__main__":
    sys.exit(main())
