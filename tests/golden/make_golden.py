"""Golden values from torch: what its LSTM, GRU and RNN give on small ragged batches, in float64.

Run by hand where torch is installed; the tests read the .npz files only:

    python tests/golden/make_golden.py [settings]

The one bias of this package is torch's ``bias_ih + bias_hh``: here ``bias_hh`` is frozen at zero
and ``bias_ih`` plays its part, in the gradients and in the steps of the optimisers. The GRU's
bias is ``bias_ih`` and, as a fourth block, the last third of ``bias_hh``, that of ``n``: here the
other two thirds of ``bias_hh`` start at zero and get no gradient.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

N_STEPS = 10
SETTINGS = {
    "classification": {
        "lengths": (7, 2, 5, 1, 7, 4),
        "n_channels": 3,
        "hidden_size": 3,
        "num_layers": 2,
        "bidirectional": True,
        "pooling": ("last", "mean"),
        "n_outputs": 3,
        "loss": "softmax",
    },
    "regression": {
        "lengths": (3, 9, 6, 6),
        "n_channels": 2,
        "hidden_size": 8,
        "num_layers": 1,
        "bidirectional": False,
        "pooling": ("mean", "max"),
        "n_outputs": 2,
        "loss": "squared_error",
    },
    "gru": {
        "lengths": (7, 2, 5, 1, 7, 4),
        "n_channels": 3,
        "hidden_size": 5,
        "num_layers": 2,
        "bidirectional": True,
        "pooling": ("last", "mean"),
        "n_outputs": 3,
        "loss": "softmax",
        "cell": "gru",
    },
    "rnn": {
        "lengths": (7, 2, 5, 1, 7, 4),
        "n_channels": 3,
        "hidden_size": 5,
        "num_layers": 2,
        "bidirectional": True,
        "pooling": ("last", "max"),
        "n_outputs": 2,
        "loss": "squared_error",
        "cell": "rnn",
    },
}
CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}  # fmt: skip


def optimizers(lstm, head):
    """By name, with weight decay on the weights but not on the biases."""
    named = [*lstm.named_parameters(), *head.named_parameters()]
    weights = [parameter for name, parameter in named if name.startswith("weight")]
    biases = [
        parameter
        for name, parameter in named
        if name.startswith("bias_") and parameter.requires_grad
    ]
    biases += [head.bias]

    def groups(weight_decay):
        return [
            {"params": weights, "weight_decay": weight_decay},
            {"params": biases, "weight_decay": 0.0},
        ]

    optim = torch.optim
    return {
        "adam": lambda: optim.Adam(groups(0.0), lr=0.01),
        "adam_decay": lambda: optim.Adam(groups(0.1), lr=0.01),
        "adamw": lambda: optim.AdamW(groups(0.1), lr=0.01),
        "sgd": lambda: optim.SGD(groups(0.1), lr=0.1, momentum=0.9),
        "nesterov": lambda: optim.SGD(groups(0.0), lr=0.1, momentum=0.9, nesterov=True),
        "rmsprop": lambda: optim.RMSprop(groups(0.0), lr=0.01, alpha=0.99, eps=1e-6),
    }


def parameters(lstm, head, of=lambda parameter: parameter):
    """By this package's names; `of` a parameter may be its gradient."""
    arrays = {}
    for name, parameter in lstm.named_parameters():
        array = of(parameter).detach().numpy().copy() if parameter.requires_grad else None
        if not name.startswith("bias_hh"):
            arrays[name.replace("bias_ih", "bias")] = array
        elif array is not None:
            of_n = array[2 * lstm.hidden_size :]
            arrays[name.replace("bias_hh", "bias")] = np.concatenate(
                [arrays[name.replace("bias_hh", "bias")], of_n]
            )
    arrays["head_weight"] = of(head.weight).detach().numpy().copy()
    arrays["head_bias"] = of(head.bias).detach().numpy().copy()
    return arrays


def forward(lstm, head, sequences, h, c, lengths, pooling):
    """Final states and raw predictions."""
    packed = pack_padded_sequence(
        pad_sequence(sequences, batch_first=True), lengths, batch_first=True, enforce_sorted=False
    )
    if isinstance(lstm, torch.nn.LSTM):
        packed, (h_n, c_n) = lstm(packed, (h, c))
    else:  # c goes through as it is
        packed, h_n = lstm(packed, h)
        c_n = 1.0 * c
    y, _ = pad_packed_sequence(packed, batch_first=True)
    alive = torch.arange(y.shape[1])[None, :, None] < torch.tensor(lengths)[:, None, None]
    n_directions = 2 if lstm.bidirectional else 1
    pooled = {
        "last": torch.cat(list(h_n[-n_directions:]), dim=1),
        "mean": (y * alive).sum(dim=1) / torch.tensor(lengths)[:, None],
        "max": y.masked_fill(~alive, -torch.inf).max(dim=1).values,
    }
    return h_n, c_n, head(torch.cat([pooled[kind] for kind in pooling], dim=1))


def make(
    lengths, n_channels, hidden_size, num_layers, bidirectional, pooling, n_outputs, loss,
    cell="lstm",
):  # fmt: skip
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    n_sequences, n_directions = len(lengths), 2 if bidirectional else 1
    lstm = CELLS[cell](
        n_channels, hidden_size, num_layers, bidirectional=bidirectional, batch_first=True
    )
    head = torch.nn.Linear(len(pooling) * n_directions * hidden_size, n_outputs)
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias_hh"):
            if cell != "gru":
                parameter.data.zero_()
                parameter.requires_grad_(False)
                continue
            parameter.data[: 2 * hidden_size] = 0.0
            # as if it were frozen: the last third alone is a parameter here
            kept = torch.arange(3 * hidden_size) >= 2 * hidden_size
            parameter.register_hook(lambda slope, kept=kept: slope * kept)
    sequences = [torch.randn(length, n_channels).requires_grad_() for length in lengths]
    states = num_layers * n_directions, n_sequences, hidden_size
    h, c = (torch.randn(states).mul(0.5).requires_grad_() for _ in range(2))
    row_weight = torch.rand(n_sequences) + 0.1
    row_weight /= row_weight.sum()
    if loss == "softmax":
        target = torch.arange(n_sequences) % n_outputs
    else:
        target = torch.randn(n_sequences, n_outputs)

    def value(raw):
        if loss == "softmax":
            return row_weight @ cross_entropy(raw, target, reduction="none")
        return row_weight @ mse_loss(raw, target, reduction="none").mean(dim=1) / 2

    h_n, c_n, raw = forward(lstm, head, sequences, h, c, lengths, pooling)
    total = value(raw)
    total.backward()
    if c.grad is None:
        c.grad = torch.zeros_like(c)
    golden = {
        "x": torch.cat(sequences), "lengths": torch.tensor(lengths), "h": h, "c": c,
        "row_weight": row_weight, "target": target.reshape(n_sequences, -1).double(),
        "raw": raw, "h_n": h_n, "c_n": c_n, "loss": total,
        "dx": torch.cat([sequence.grad for sequence in sequences]), "dh": h.grad, "dc": c.grad,
    }  # fmt: skip
    golden = {name: tensor.detach().numpy().copy() for name, tensor in golden.items()}
    start = parameters(lstm, head)
    golden |= {f"theta/{name}": array for name, array in start.items()}
    gradient = parameters(lstm, head, lambda parameter: parameter.grad)
    golden |= {f"gradient/{name}": array for name, array in gradient.items()}
    beginning = [(module, {k: v.clone() for k, v in module.state_dict().items()})
                 for module in (lstm, head)]  # fmt: skip
    for kind, build in optimizers(lstm, head).items():
        for module, state in beginning:
            module.load_state_dict(state)
        optimizer = build()
        for _ in range(N_STEPS):
            optimizer.zero_grad()
            value(forward(lstm, head, sequences, h, c, lengths, pooling)[2]).backward()
            optimizer.step()
        after = parameters(lstm, head)
        golden[f"after/{kind}"] = np.concatenate([array.ravel() for array in after.values()])
    golden |= {
        "num_layers": np.array(num_layers),
        "bidirectional": np.array(bidirectional),
        "pooling": np.array(pooling),
        "loss_name": np.array(loss),
        "cell": np.array(cell),
    }
    return golden


if __name__ == "__main__":
    for setting in sys.argv[1:] or SETTINGS:
        options = SETTINGS[setting]
        path = Path(__file__).parent / f"{setting}.npz"
        np.savez_compressed(path, **make(**options))
        print(f"{path.name}: {path.stat().st_size // 1024} KiB")
