"""Make outputs of torch's nn.LSTM, nn.GRU and nn.RNN, with their state dicts, in float64.

The script is run by hand where torch is installed; the tests only read the .npz file:

    python tests/golden/make_torch_layers.py

For each module there are two state dicts. "any" has random values everywhere. In "sums" the second
bias is zero where the two biases add up, as `torch_state_dict` writes it.
"""

from pathlib import Path

import numpy as np
import torch

N_CHANNELS, HIDDEN_SIZE, N_LAYERS = 3, 5, 2
MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def main():
    """Write the file."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    x = torch.randn(4, 7, N_CHANNELS)
    arrays = {"x": x.numpy()}
    for name, Module in MODULES.items():
        module = Module(
            N_CHANNELS, HIDDEN_SIZE, N_LAYERS, bidirectional=True, batch_first=True
        )  # fmt: skip
        for kind in ("any", "sums"):
            with torch.no_grad():
                if kind == "sums":
                    for key, parameter in module.named_parameters():
                        alone = 2 * HIDDEN_SIZE if name == "gru" else None
                        if key.startswith("bias_hh"):
                            parameter[:alone] = 0.0
                y, _ = module(x)
            arrays[f"{name}/{kind}/y"] = y.numpy()
            for key, value in module.state_dict().items():
                arrays[f"{name}/{kind}/state/{key}"] = value.numpy().copy()
    np.savez_compressed(Path(__file__).with_name("torch_layers.npz"), **arrays)


if __name__ == "__main__":
    main()
