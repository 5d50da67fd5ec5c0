"""``python -m tumortrace``."""

from tumortrace.cli.main import main

if __name__ == "__main__":
    main()
