"""`python -m sysds.experiment`."""

import sys

from .command import main

sys.exit(main())
