"""Pictures to verify with, from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blueoil.errors import BlueoilError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_images(files: Sequence[Path], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return pictures as uint8 [N,H,W,3] of a size (height, width).

    Raises:
        BlueoilError: a file is no picture.
    """
    import numpy as np

    from lmnet.processors.images import ImageError, read_image
    from lmnet.processors.pre import resize

    pictures = []
    for file in files:
        try:
            pictures.append(resize(read_image(file), size))
        except ImageError as error:
            raise BlueoilError(f"the image cannot be read: {error}", where=str(file)) from None
    return np.stack(pictures)
