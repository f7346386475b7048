"""Say plainly when Python is too old, before anything else fails for that reason."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "dhishoom needs Python 3.11 or newer; this is %d.%d. Install one and name it: make PYTHON=python3.12 demo"
        % sys.version_info[:2]
    )
