"""python -m keras_gan_zoo.conversion SOURCE TARGET"""

import sys

from keras_gan_zoo import conversion

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(conversion.__doc__)
    try:
        print(f"{sys.argv[2]}: {len(conversion.convert(*sys.argv[1:]))} arrays")
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"Error: {error}")
