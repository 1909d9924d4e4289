"""Make golden values with torch's LSTM, GRU, RNN and convolutions, in float64.

An LSTM with layer normalisation is built from parts of torch. Encoder layers are torch's
TransformerEncoderLayer with norm_first=True and a padding mask for ragged sequences. The loss of
survival is a masked binary cross-entropy of each interval. The script is run by hand where torch is
installed; the tests only read the .npz files:

    python tests/golden/make_golden.py [settings]

The single bias of this package is torch's ``bias_ih + bias_hh``. So ``bias_hh`` is frozen at zero
here, and ``bias_ih`` is the bias in the gradients and in the steps of the optimisers. The bias of
the GRU has four blocks: ``bias_ih``, and the last third of ``bias_hh``, which belongs to ``n``.
The other two thirds of ``bias_hh`` start at zero here and get no gradient.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    layer_norm,
    mse_loss,
)
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
    "layer_norm": {
        "lengths": (7, 2, 5, 1, 7, 4),
        "n_channels": 3,
        "hidden_size": 5,
        "num_layers": 2,
        "bidirectional": True,
        "pooling": ("last", "mean"),
        "n_outputs": 3,
        "loss": "softmax",
        "layer_norm": True,
    },
    "encoder": {
        "lengths": (7, 2, 5, 1, 7, 4),
        "n_channels": 3,
        "hidden_size": 3,
        "num_layers": 1,
        "bidirectional": True,
        "pooling": ("last", "mean", "max"),
        "n_outputs": 3,
        "loss": "softmax",
        "encoder": (2, 3, 5),
    },
    "causal_encoder": {
        "lengths": (7, 2, 5, 1, 7, 4),
        "n_channels": 3,
        "hidden_size": 6,
        "num_layers": 1,
        "bidirectional": False,
        "pooling": ("steps",),
        "n_outputs": 2,
        "loss": "squared_error",
        "encoder": (1, 2, 7),
    },
}


class LayerNormLSTM(torch.nn.Module):
    """An LSTM whose gates read layer_norm(W_x x + W_h h), each with its gain and bias."""

    def __init__(self, n_channels, hidden_size, num_layers, bidirectional, batch_first):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.bidirectional, self.batch_first = bidirectional, batch_first
        n_inputs, self.suffixes = n_channels, ("", "_reverse")[: 1 + bidirectional]
        for layer in range(num_layers):
            for suffix in self.suffixes:
                shapes = {
                    "weight_ih": (4 * hidden_size, n_inputs),
                    "weight_hh": (4 * hidden_size, hidden_size),
                    "bias_ih": (4 * hidden_size,),
                    "gain": (4 * hidden_size,),
                }
                for name, shape in shapes.items():
                    start = torch.empty(shape).uniform_(-0.7, 0.7) + (name == "gain")
                    self.register_parameter(f"{name}_l{layer}{suffix}", torch.nn.Parameter(start))
            n_inputs = hidden_size * len(self.suffixes)

    def step(self, x, h, c, weight_ih, weight_hh, bias, gain):
        """Return h and c after one step."""
        a = weight_ih @ x + weight_hh @ h
        blocks = zip(*(v.split(self.hidden_size) for v in (a, gain, bias)), strict=True)
        i, f, g, o = (layer_norm(part, (self.hidden_size,), *affine) for part, *affine in blocks)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, packed, states):
        """Compute the same as torch.nn.LSTM, one sequence and one step at a time."""
        padded, lengths = pad_packed_sequence(packed, batch_first=True)
        y, final = [], []
        for n, length in enumerate(lengths):
            x, h_n, c_n = padded[n, :length], [], []
            for layer in range(self.num_layers):
                outputs = []
                for suffix in self.suffixes:
                    names = ("weight_ih", "weight_hh", "bias_ih", "gain")
                    scan = [getattr(self, f"{name}_l{layer}{suffix}") for name in names]
                    h, c = (state[len(h_n), n] for state in states)
                    seen = []
                    for x_t in x.flip(0) if suffix else x:
                        h, c = self.step(x_t, h, c, *scan)
                        seen.append(h)
                    outputs.append(torch.stack(seen[::-1] if suffix else seen))
                    h_n.append(h)
                    c_n.append(c)
                x = torch.cat(outputs, dim=1)
            y.append(x)
            final.append((torch.stack(h_n), torch.stack(c_n)))
        packed = pack_padded_sequence(
            pad_sequence(y, batch_first=True), lengths, batch_first=True, enforce_sorted=False
        )
        return packed, tuple(torch.stack(states, dim=1) for states in zip(*final, strict=True))


CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def optimizers(lstm, encoder, head):
    """Return optimisers by name, with weight decay on the weights but not on the biases."""
    named = [*lstm.named_parameters(), *head.named_parameters()]
    weights = [parameter for name, parameter in named if name.startswith("weight")]
    weights += [parameter for parameter in encoder.parameters() if parameter.ndim == 2]
    biases = [
        parameter
        for name, parameter in named
        if name.startswith(("bias_", "gain_")) and parameter.requires_grad
    ]
    biases += [head.bias, *(p for p in encoder.parameters() if p.ndim == 1)]

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


def parameters(lstm, encoder, head, of=lambda parameter: parameter):
    """Return the parameters, or what `of` returns for each, by the names of this package."""
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
    for name, parameter in encoder.named_parameters():
        layer, _, name = name.partition(".")
        arrays[f"{name.replace('.', '_')}_l{layer}"] = of(parameter).detach().numpy().copy()
    arrays["head_weight"] = of(head.weight).detach().numpy().copy()
    arrays["head_bias"] = of(head.bias).detach().numpy().copy()
    return arrays


def forward(lstm, encoder, head, sequences, h, c, lengths, pooling):
    """Return the final states and the raw predictions."""
    packed = pack_padded_sequence(
        pad_sequence(sequences, batch_first=True), lengths, batch_first=True, enforce_sorted=False
    )
    if isinstance(lstm, (torch.nn.LSTM, LayerNormLSTM)):
        packed, (h_n, c_n) = lstm(packed, (h, c))
    else:  # these cells pass c through unchanged
        packed, h_n = lstm(packed, h)
        c_n = 1.0 * c
    y, _ = pad_packed_sequence(packed, batch_first=True)
    alive = torch.arange(y.shape[1])[None, :, None] < torch.tensor(lengths)[:, None, None]
    n_directions = 2 if lstm.bidirectional else 1
    final = list(h_n[-n_directions:])
    if len(encoder):
        causal = pooling == ("steps",) and n_directions == 1
        later = torch.ones(2 * y.shape[1:2], dtype=torch.bool).triu(1) if causal else None
        for layer in encoder:
            y = layer(y, src_mask=later, src_key_padding_mask=~alive[:, :, 0])
        forward, *backward = y.split(lstm.hidden_size, dim=2)
        ends = torch.tensor(lengths) - 1
        final = [forward[torch.arange(len(lengths)), ends], *(states[:, 0] for states in backward)]
    if pooling == ("steps",):
        return h_n, c_n, head(y[alive[:, :, 0]])
    pooled = {
        "last": torch.cat(final, dim=1),
        "mean": (y * alive).sum(dim=1) / torch.tensor(lengths)[:, None],
        "max": y.masked_fill(~alive, -torch.inf).max(dim=1).values,
    }
    return h_n, c_n, head(torch.cat([pooled[kind] for kind in pooling], dim=1))


def encoder_layers(n_layers, n_heads, n_wide, n_states):
    """Return encoder layers whose biases and gains are not those of the start."""
    encoder = torch.nn.ModuleList(
        torch.nn.TransformerEncoderLayer(
            n_states, n_heads, n_wide, 0.0, batch_first=True, norm_first=True
        )
        for _ in range(n_layers)
    )
    for parameter in encoder.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.3 * torch.randn(parameter.shape)
    for layer in encoder:
        layer.linear1.bias.data += 0.5  # else some units are never active, and do not learn
    return encoder


def freeze_second_biases(lstm, cell):
    """Make ``bias_hh`` no parameter, but for the last third of a GRU's."""
    for name, parameter in lstm.named_parameters():
        if not name.startswith("bias_hh"):
            continue
        if cell != "gru":
            parameter.data.zero_()
            parameter.requires_grad_(False)
            continue
        parameter.data[: 2 * lstm.hidden_size] = 0.0
        # as if frozen: only the last third is a parameter here
        kept = torch.arange(3 * lstm.hidden_size) >= 2 * lstm.hidden_size
        parameter.register_hook(lambda slope, kept=kept: slope * kept)


def value(raw, target, row_weight, loss):
    """Return the weighted loss of raw predictions."""
    if loss == "softmax":
        return row_weight @ cross_entropy(raw, target, reduction="none")
    return row_weight @ mse_loss(raw, target, reduction="none").mean(dim=1) / 2


def after_steps(modules, compute):
    """Return all parameters after N_STEPS of each optimiser, by its name.

    modules: the recurrent layers, the encoder and the head
    compute: returns the loss
    """
    start = [{k: v.clone() for k, v in module.state_dict().items()} for module in modules]
    golden = {}
    for kind, build in optimizers(*modules).items():
        for module, state in zip(modules, start, strict=True):
            module.load_state_dict(state)
        optimizer = build()
        for _ in range(N_STEPS):
            optimizer.zero_grad()
            compute().backward()
            optimizer.step()
        after = parameters(*modules)
        golden[f"after/{kind}"] = np.concatenate([array.ravel() for array in after.values()])
    return golden


def make(
    lengths, n_channels, hidden_size, num_layers, bidirectional, pooling, n_outputs, loss,
    cell="lstm", layer_norm=False, encoder=(0, 1, 1),
):  # fmt: skip
    """Return inputs, parameters, predictions, gradients and results of the optimisers.

    encoder: its layers, heads, and units between the linear maps
    """
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    n_sequences, n_directions = len(lengths), 2 if bidirectional else 1
    lstm = (LayerNormLSTM if layer_norm else CELLS[cell])(
        n_channels, hidden_size, num_layers, bidirectional=bidirectional, batch_first=True
    )
    layers = encoder_layers(*encoder, n_directions * hidden_size)
    head = torch.nn.Linear(len(pooling) * n_directions * hidden_size, n_outputs)
    modules = lstm, layers, head
    freeze_second_biases(lstm, cell)
    sequences = [torch.randn(length, n_channels).requires_grad_() for length in lengths]
    states = num_layers * n_directions, n_sequences, hidden_size
    h, c = (torch.randn(states).mul(0.5).requires_grad_() for _ in range(2))
    n_rows = sum(lengths) if pooling == ("steps",) else n_sequences
    row_weight = torch.rand(n_rows) + 0.1
    row_weight /= row_weight.sum()
    if loss == "softmax":
        target = torch.arange(n_sequences) % n_outputs
    else:
        target = torch.randn(n_rows, n_outputs)

    h_n, c_n, raw = forward(*modules, sequences, h, c, lengths, pooling)
    total = value(raw, target, row_weight, loss)
    total.backward()
    if c.grad is None:
        c.grad = torch.zeros_like(c)
    golden = {
        "x": torch.cat(sequences), "lengths": torch.tensor(lengths), "h": h, "c": c,
        "row_weight": row_weight, "target": target.reshape(n_rows, -1).double(),
        "raw": raw, "h_n": h_n, "c_n": c_n, "loss": total,
        "dx": torch.cat([sequence.grad for sequence in sequences]), "dh": h.grad, "dc": c.grad,
    }  # fmt: skip
    golden = {name: tensor.detach().numpy().copy() for name, tensor in golden.items()}
    gradient = parameters(*modules, lambda parameter: parameter.grad)
    for kind, arrays in {"theta": parameters(*modules), "gradient": gradient}.items():
        golden |= {f"{kind}/{name}": array for name, array in arrays.items()}

    def compute():
        raw = forward(*modules, sequences, h, c, lengths, pooling)[2]
        return value(raw, target, row_weight, loss)

    golden |= after_steps(modules, compute)
    return golden | {
        "num_layers": np.array(num_layers),
        "bidirectional": np.array(bidirectional),
        "pooling": np.array(pooling),
        "loss_name": np.array(loss),
        "cell": np.array(cell),
        "layer_norm": np.array(layer_norm),
        "encoder": np.array(encoder),
    }


def centred(*shape, **kwargs):
    """Return a convolution whose windows are centred on their step."""
    return torch.nn.Conv1d(*shape, padding="same", bias=False, **kwargs)


def fcn():
    """Return layers of a branch, and the batch norm after each of them."""
    layers = [[centred(3, 5, 7)], [centred(5, 9, 5)], [centred(9, 4, 2)]]
    return layers, [torch.nn.BatchNorm1d(n) for n in (5, 9, 4)]


def lite():
    """Return layers of three widths, then depthwise ones with dilation and pointwise ones."""
    layers = [
        [centred(3, 5, width) for width in (10, 5, 2)],
        [centred(15, 15, 6, dilation=2, groups=15)],
        [centred(15, 5, 1)],
        [centred(5, 5, 3, dilation=4, groups=5)],
        [centred(5, 4, 1)],
    ]
    norms = {0: 15, 2: 5, 4: 4}
    return layers, [torch.nn.BatchNorm1d(norms[k]) if k in norms else None for k in range(5)]


class Convolved(torch.nn.Module):
    """A bidirectional LSTM after causal convolutions, and a parallel branch with batch norm."""

    def __init__(self, branch):
        super().__init__()
        self.conv = torch.nn.ModuleList([torch.nn.Conv1d(3, 5, 4, 2), torch.nn.Conv1d(5, 6, 3)])
        layers, norms = branch()
        self.fcn = torch.nn.ModuleList(map(torch.nn.ModuleList, layers))
        self.norm = torch.nn.ModuleDict({str(k): n for k, n in enumerate(norms) if n is not None})
        self.lstm = torch.nn.LSTM(6, 4, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(8 + 4, 3)

    def forward(self, x):
        """Return the raw predictions of x (n_sequences, n_timesteps, n_channels)."""
        y = x.transpose(1, 2)
        for layer in self.conv:
            y = layer(torch.nn.functional.pad(y, (layer.kernel_size[0] - 1, 0))).tanh()
        _, (h, _) = self.lstm(y.transpose(1, 2))
        z = x.transpose(1, 2)
        for k, layer in enumerate(self.fcn):
            z = torch.cat([part(z) for part in layer], dim=1)
            if str(k) in self.norm:
                z = self.norm[str(k)](z).relu()
        return self.head(torch.cat([*h, z.mean(dim=2)], dim=1))

    def named(self, of):
        """Return what `of` returns for each parameter, by the names of this package."""
        names = {"norm_weight": "fcn_scale", "norm_bias": "fcn_shift"}
        arrays = {}
        for name, parameter in self.named_parameters():
            part, place, *rest = name.split(".")
            if part == "lstm":
                name = place.replace("bias_ih", "bias")
            elif part == "head":
                name = f"head_{place}"
            elif part == "fcn":
                name = f"fcn_weight_l{place}" + (f"_{rest[0]}" if rest[0] != "0" else "")
            else:
                name = f"{names.get(f'{part}_{rest[0]}', f'{part}_{rest[0]}')}_l{place}"
            if not name.startswith("bias_hh"):
                arrays[name] = of(parameter).detach().numpy().copy()
        return arrays


def make_convolutions(branch):
    """Return golden values, for a length at which the last strided window ends at the last step."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    network = Convolved(branch)
    for name, parameter in network.named_parameters():
        if "bias_hh" in name:
            parameter.data.zero_()
        if name.startswith("norm"):
            parameter.data += 0.3 * torch.randn(parameter.shape)
    for norm in network.norm.values():
        norm.running_mean[:] = torch.randn(norm.num_features)
        norm.running_var[:] = torch.rand(norm.num_features) + 0.5
    running = {
        f"theta/fcn_{kind}_l{k}": getattr(norm, buffer).numpy().copy()
        for k, norm in network.norm.items()
        for kind, buffer in (("mean", "running_mean"), ("variance", "running_var"))
    }
    x, target = torch.randn(5, 11, 3).requires_grad_(), torch.arange(5) % 3
    raw = network(x)
    loss = cross_entropy(raw, target)
    loss.backward()
    golden = {
        "x": x, "row_weight": torch.full((5,), 0.2), "target": target[:, None].double(),
        "raw": raw, "loss": loss, "dx": x.grad,
    }  # fmt: skip
    golden = {name: tensor.detach().numpy().copy() for name, tensor in golden.items()}
    theta = network.named(lambda parameter: parameter)
    gradient = network.named(lambda parameter: parameter.grad)
    golden |= {f"theta/{name}": array for name, array in theta.items()}
    golden |= {f"gradient/{name}": array for name, array in gradient.items()}
    network.eval()
    for k, norm in network.norm.items():  # the statistics before the training step
        norm.running_mean[:] = torch.from_numpy(running[f"theta/fcn_mean_l{k}"])
        norm.running_var[:] = torch.from_numpy(running[f"theta/fcn_variance_l{k}"])
    golden["evaluated"] = network(x).detach().numpy().copy()
    return golden | running | {"theta/fcn_batches": np.zeros(1)}


def make_survival():
    """Return golden values of the loss of 6 samples and 5 intervals, some of them censored."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    interval, is_event = torch.tensor([0, 3, 4, 1, 5, 0]), torch.tensor([1.0, 1, 1, 0, 0, 0])
    raw, row_weight = 2.0 * torch.randn(6, 5), torch.rand(6)
    raw.requires_grad_()
    at_risk = torch.arange(5) < interval[:, None]
    happens = (torch.arange(5) == interval[:, None]) * is_event[:, None]
    losses = binary_cross_entropy_with_logits(raw, happens, reduction="none")
    loss = row_weight @ (losses * (at_risk + happens)).sum(dim=1)
    loss.backward()
    golden = {
        "raw": raw, "target": (interval - 0.5 * (1.0 - is_event))[:, None],
        "row_weight": row_weight, "loss": loss, "gradient": raw.grad,
    }  # fmt: skip
    return {name: tensor.detach().numpy().copy() for name, tensor in golden.items()}


if __name__ == "__main__":
    branches = {"convolutions": fcn, "depthwise": lite}
    for setting in sys.argv[1:] or [*SETTINGS, *branches, "survival"]:
        path = Path(__file__).parent / f"{setting}.npz"
        if setting in branches:
            made = make_convolutions(branches[setting])
        elif setting == "survival":
            made = make_survival()
        else:
            made = make(**SETTINGS[setting])
        np.savez_compressed(path, **made)
        print(f"{path.name}: {path.stat().st_size // 1024} KiB")
