"""Make golden values with torch's Embedding before its LSTM, in float64.

The tables are sparse, and SparseAdam updates the rows that a minibatch reads; Adam updates the
other parameters; their epsilon, which the two of them add in different places, is nearly 0. The
script is run by hand where torch is installed; the tests only read the .npz
file:

    python tests/golden/make_embedding.py
"""

from pathlib import Path

import numpy as np
import torch

N_SAMPLES, N_TIMESTEPS, N_STEPS = 5, 4, 6
TABLES = [(6, 2), (3, 3)]  # vectors and their length
HIDDEN, N_CLASSES = 3, 2


def main() -> None:
    """Train for a few steps, and save the data, the first gradient and the parameters."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    shape = N_STEPS, N_SAMPLES, N_TIMESTEPS
    codes = np.stack([rng.integers(0, n, shape) for n, _ in TABLES], axis=-1)
    numbers, y = rng.standard_normal((*shape, 1)), rng.integers(0, N_CLASSES, shape[:2])
    tables = [torch.nn.Embedding(*table, sparse=True) for table in TABLES]
    lstm = torch.nn.LSTM(1 + sum(size for _, size in TABLES), HIDDEN, batch_first=True)
    head = torch.nn.Linear(HIDDEN, N_CLASSES)
    torch.nn.init.zeros_(lstm.bias_hh_l0)
    lstm.bias_hh_l0.requires_grad_(False)
    named = {
        "weight_ih_l0": lstm.weight_ih_l0, "weight_hh_l0": lstm.weight_hh_l0,
        "bias_l0": lstm.bias_ih_l0, "head_weight": head.weight, "head_bias": head.bias,
        "embedding_0": tables[0].weight, "embedding_1": tables[1].weight,
    }  # fmt: skip
    dense = torch.optim.Adam(
        [p for name, p in named.items() if "embedding" not in name], lr=0.01, eps=1e-15
    )
    sparse = torch.optim.SparseAdam([table.weight for table in tables], lr=0.01, eps=1e-15)
    arrays = {"codes": codes.astype(np.int32), "numbers": numbers, "y": y}
    arrays |= {f"theta/{name}": p.detach().numpy().copy() for name, p in named.items()}
    for k in range(N_STEPS):
        vectors = [table(torch.tensor(codes[k, ..., j])) for j, table in enumerate(tables)]
        x = torch.cat([torch.tensor(numbers[k]), *vectors], dim=2)
        loss = torch.nn.functional.cross_entropy(head(lstm(x)[0][:, -1]), torch.tensor(y[k]))
        dense.zero_grad()
        sparse.zero_grad()
        loss.backward()
        if k == 0:
            arrays["loss"] = np.array(loss.item())
            for name, p in named.items():
                grad = p.grad.to_dense() if p.grad.is_sparse else p.grad
                arrays[f"gradient/{name}"] = grad.numpy().copy()
        dense.step()
        sparse.step()
    arrays |= {f"trained/{name}": p.detach().numpy() for name, p in named.items()}
    np.savez_compressed(Path(__file__).with_name("embedding.npz"), **arrays)


if __name__ == "__main__":
    main()
