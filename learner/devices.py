"""What this machine computes with: its GPU, its cores, its half-precision products."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def on_cuda() -> bool:
    """Whether a GPU does the work."""
    import torch

    return torch.cuda.is_available()


def cores() -> int:
    """CPU cores this process may use, fewer where OMP_NUM_THREADS says so; more threads only get in the way."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(own, int(limit)) if limit.isdigit() and int(limit) else own


def bf16_is_fast(device: str) -> bool:
    """Whether the hardware multiplies in bf16: CUDA, and CPUs with AVX-512 BF16 or AMX; others emulate it, slowly."""
    import torch

    if device == "cuda":
        return True
    tell = getattr(torch.cpu, "get_capabilities", dict)  # older versions of torch do not tell
    capabilities: dict[str, object] = tell()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def training_products(device: str) -> "torch.autocast":
    """While training: matrix products in bf16 where the hardware has them, everything else in fp32."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=bf16_is_fast(device))
