"""``python -m nbjax`` is ``nbjax``."""

import sys

from nbjax.cli import main

sys.exit(main())
