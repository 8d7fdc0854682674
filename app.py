"""MT-CP Explorer: `python app.py` serves the page, and Hugging Face Spaces starts it so. See `--help`."""

import sys

from app.serve import main  # the package app/, which goes before this file

if __name__ == "__main__":
    sys.exit(main())
