"""Which device and which arithmetic."""

from __future__ import annotations

import resource
import sys

import torch
from lightning_fabric import Fabric

from tumortrace.config import RunConfig
from tumortrace.errors import ConfigError


def make_fabric(config: RunConfig) -> Fabric:
    """A Fabric for one device.

    Raises:
        ConfigError: The device asked for is not there.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = _device(config.device)
    precision = config.precision
    if precision == "auto":
        precision = "bf16-mixed" if _fast_bf16(device) else "32-true"
    return Fabric(accelerator=device, devices=1, precision=precision)


def device_name(fabric: Fabric) -> str:
    """For people: ``NVIDIA H200``, or ``CPU, 2 threads``."""
    if fabric.device.type == "cuda":
        return torch.cuda.get_device_name(fabric.device)
    if fabric.device.type == "mps":
        return "Apple GPU"
    return f"CPU, {torch.get_num_threads()} threads"


def peak_memory(fabric: Fabric) -> int:
    """Most bytes in use so far: of the device, or of this process where the device is the CPU."""
    if fabric.device.type == "cuda":
        return torch.cuda.max_memory_allocated(fabric.device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _device(wanted: str) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[wanted]:
        usable = ", ".join(name for name, here in there.items() if here)
        raise ConfigError("this device is not here", value=wanted, remedy=f"Choose auto or one of: {usable}.")
    return wanted


def _fast_bf16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Without the instructions, bf16 on a CPU is emulated and several times slower than float32.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device == "cpu" and supported is not None and bool(supported())
