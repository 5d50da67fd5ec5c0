"""The names of the saliency methods, in one place. No torch: pages name them."""

from __future__ import annotations

from typing import Final

METHODS: Final = ("gradcam", "gradcam++", "hirescam", "layercam", "eigencam")
"""Those that take one forward and one backward pass."""
SLOW_METHODS: Final = ("scorecam",)
"""Those that take a forward pass a channel."""
TITLES: Final = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "eigencam": "Eigen-CAM",
    "scorecam": "Score-CAM",
}
"""As their papers write them."""
