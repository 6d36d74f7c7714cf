"""``python -m blueoil``: the same as the console script ``blueoil``."""

from blueoil.cli import main

if __name__ == "__main__":
    main()
