"""`python -m dhishoom`: the command line."""

from __future__ import annotations

from dhishoom.cli import main

if __name__ == "__main__":
    main()
