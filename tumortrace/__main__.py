"""``python -m tumortrace``."""

from tumortrace.cli import main

if __name__ == "__main__":
    main()
