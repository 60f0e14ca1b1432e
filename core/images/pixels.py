"""An image as the numbers that an encoder reads: resized, cut and scaled as the encoder's preprocessor_config.json says. This file
goes along in exports as it is, so it imports nothing of the house.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

RESAMPLE = 3  # bicubic, where a configuration names none


def plan(config: dict[str, Any]) -> dict[str, Any]:
    """What numbers() does, of what a preprocessor_config.json says, as JSON can hold it. ValueError where that does not come to an
    image of one size, or is not what it does."""
    for name in ("do_pad", "do_rotate", "do_flip", "do_thumbnail", "do_align_long_axis"):
        if config.get(name):
            raise ValueError(f"it asks for {name}")
    resize = _size(config.get("size")) if config.get("do_resize", True) else None
    crop = _size(config.get("crop_size")) if config.get("do_center_crop", False) else None
    if isinstance(crop, int):
        crop = [crop, crop]
    if crop is None and not isinstance(resize, list):
        raise ValueError("it gives images of several sizes")
    mean, std = ([0.0] * 3, [1.0] * 3)
    if config.get("do_normalize", True):
        mean, std = ([float(value) for value in config[name]] for name in ("image_mean", "image_std"))
    if len(mean) != 3 or len(std) != 3 or not all(std):
        raise ValueError("its image_mean and image_std are not three numbers")
    factor = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    resample = int(config.get("resample") or RESAMPLE)
    return {"resize": resize, "crop": crop, "resample": resample, "factor": factor, "mean": mean, "std": std}


def _size(size: Any) -> int | list[int]:
    """The shorter side, or [height, width]."""
    if isinstance(size, dict) and {"height", "width"} <= size.keys():
        size = [size["height"], size["width"]]
    elif isinstance(size, dict) and "shortest_edge" in size and "longest_edge" not in size:
        size = size["shortest_edge"]
    sides = size if isinstance(size, list) else [size]
    if not sides or len(sides) > 2 or not all(isinstance(side, int) and 0 < side <= 2048 for side in sides):
        raise ValueError("its size is no height and width")
    return size


def shape(plan: dict[str, Any]) -> tuple[int, int]:
    """Height and width of what numbers() gives."""
    height, width = plan["crop"] or plan["resize"]
    return height, width


def numbers(image: Image.Image, plan: dict[str, Any]) -> np.ndarray:
    """An RGB image as float32 (3, height, width)."""
    from PIL import Image

    if plan["resize"] is not None:
        image = image.resize(_width_height(image, plan["resize"]), Image.Resampling(plan["resample"]))
    if plan["crop"] is not None:
        image = _cut(image, *plan["crop"])
    table = np.asarray(image, np.float32) * np.float32(plan["factor"])
    return ((table - np.float32(plan["mean"])) / np.float32(plan["std"])).transpose(2, 0, 1)


def _width_height(image: Image.Image, size: int | list[int]) -> tuple[int, int]:
    if isinstance(size, list):
        return size[1], size[0]
    short, long = sorted(image.size)
    other = min(int(size * long / short), 64 * size)  # a line of pixels is no reason to make millions of them
    return (size, other) if image.width <= image.height else (other, size)


def _cut(image: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of an image, with black around it where it is smaller."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
