"""The benchmark: every model under every protocol, from training to the tables that ship."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.benchmark.artifacts import write_benchmark
    from tumortrace.benchmark.compute import Benchmark, compute_benchmark
    from tumortrace.benchmark.plan import BenchmarkPreset, find_benchmark_preset, planned_runs
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "artifacts": ("write_benchmark",),
            "compute": ("Benchmark", "compute_benchmark"),
            "plan": ("BenchmarkPreset", "find_benchmark_preset", "planned_runs"),
        },
    )

__all__ = [
    "Benchmark",
    "BenchmarkPreset",
    "compute_benchmark",
    "find_benchmark_preset",
    "planned_runs",
    "write_benchmark",
]
