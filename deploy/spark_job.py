"""What spark-submit is given: `dhishoom spark run` with whatever follows."""

import sys

from dhishoom.cli import main

main(["spark", "run", *sys.argv[1:]])
