"""The affinity of coherence fusion, without ever holding it: softmax over j of <theta_i, phi_j>, unscaled.

At 480x640 the matrix of one task and photo would be 19,200 x 19,200: 1.47 GB. Two exact forms: `attend` streams it,
`attend_materialised` builds it (reference for tests and benchmarks). `mtcp.model.trace.AttentionTrace` recomputes
single rows for display.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(theta: Tensor, phi: Tensor, values: Tensor, scale: float = 1.0) -> Tensor:
    """Softmax(scale * theta phi^T) values, streamed by `scaled_dot_product_attention`.

    theta: (B, N, C); phi, values: (B, M, C) -> (B, N, C). Contiguous inputs: transposed views are ten times slower
    on a CPU. The dummy head axis is what the fused kernels expect.
    """
    q, k, v = (t.contiguous().unsqueeze(1) for t in (theta, phi, values))
    return F.scaled_dot_product_attention(q, k, v, scale=scale).squeeze(1)


def attend_materialised(theta: Tensor, phi: Tensor, values: Tensor, scale: float = 1.0) -> Tensor:
    """The formula as published, with the whole (B, N, M) affinity in memory. Same shapes as `attend`."""
    return torch.softmax(scale * theta @ phi.transpose(1, 2), dim=-1) @ values
