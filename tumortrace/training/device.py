"""Which devices, which arithmetic, and how busy they are."""

from __future__ import annotations

import sys
import time

import psutil
import torch
from joblib import cpu_count
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from tumortrace.config import RunConfig
from tumortrace.errors import ConfigError
from tumortrace.hardware import gpu_utilisation


def make_fabric(config: RunConfig) -> Fabric:
    """A Fabric for the devices asked for; with several, the other processes are started here.

    Raises:
        ConfigError: The device asked for is not there, or there are fewer than asked for.
    """
    device = _device(config.device)
    if device == "cuda" and torch.cuda.device_count() < config.devices:
        raise ConfigError(
            "there are fewer GPUs than asked for",
            value=f"{config.devices} of {torch.cuda.device_count()}",
            remedy="Lower devices.",
        )
    cores = cpu_count()
    if config.threads or config.devices > 1:
        torch.set_num_threads(config.threads or max(1, cores // config.devices))
    precision = config.precision
    if precision == "auto":
        precision = "bf16-mixed" if _fast_bf16(device) else "32-true"
    if config.devices * config.nodes == 1:
        return Fabric(accelerator=device, devices=1, precision=precision)
    strategy = DDPStrategy(process_group_backend=None if device == "cuda" else "gloo")
    fabric = Fabric(
        accelerator=device, devices=config.devices, num_nodes=config.nodes, precision=precision, strategy=strategy
    )
    fabric.launch()
    return fabric


class DeviceMonitor:
    """Memory and utilisation of what trains: the device, or this process where that is the CPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._process = psutil.Process()
        self._before = (time.monotonic(), self._cpu_seconds())

    @property
    def name(self) -> str:
        """For people: ``NVIDIA H200``, or ``CPU, 2 threads``."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self.device.type == "mps":
            return "Apple GPU"
        count = torch.get_num_threads()
        return f"CPU, {count} thread" + "s" * (count != 1)

    def memory(self) -> int:
        """Bytes of memory in use now."""
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        if self.device.type == "mps":
            return torch.mps.current_allocated_memory()
        return int(self._process.memory_info().rss)

    def peak_memory(self) -> int:
        """Most bytes in use so far."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        if self.device.type == "mps":
            return torch.mps.current_allocated_memory()
        if sys.platform == "win32":  # which has no module resource
            return int(self._process.memory_info().peak_wset)
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024

    def utilisation(self) -> float | None:
        """Share of the device that is busy, 0 to 1: of a GPU as its driver says, of all cores since the last call."""
        if self.device.type == "cuda":
            return gpu_utilisation(self.device.index or 0)
        if self.device.type == "mps":
            return None
        now = (time.monotonic(), self._cpu_seconds())
        (then, spent), self._before = self._before, now
        return min(1.0, float((now[1] - spent) / max(1e-6, now[0] - then) / cpu_count()))

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


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
