"""The command line as `python -m keras_gan_zoo`, for a Python whose scripts are not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
