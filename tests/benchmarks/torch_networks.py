"""The network of a fitted classifier in torch, written by hand: scaling, LSTM, branch, head."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from sklstm import LSTMClassifier
from sklstm.components.convolutions import ConvolutionLayer
from sklstm.export import torch_state_dict


class Convolution(nn.Module):
    """One layer of a branch: filters of one or several widths, batch normalisation, activation."""

    def __init__(self, arrays: dict[str, torch.Tensor], k: int, layer: ConvolutionLayer) -> None:
        super().__init__()
        names = [f"fcn_weight_l{k}"] + [
            f"fcn_weight_l{k}_{j}" for j in range(1, 1 + len(layer.narrower))
        ]
        self.filters, self.pads = nn.ModuleList(), []
        dilation = max(1, layer.dilation)
        for name in names:
            n_filters, n_inputs, width = arrays[name].shape
            groups = n_filters if layer.dilation else 1
            filters = nn.Conv1d(
                n_inputs * groups, n_filters, width, dilation=dilation, groups=groups, bias=False
            )
            filters.load_state_dict({"weight": arrays[name]})
            self.filters.append(filters)
            span = (width - 1) * dilation
            self.pads.append((span // 2, span - span // 2))
        self.norm: nn.Module = nn.Identity()
        if layer.normalised:
            self.norm = nn.BatchNorm1d(layer.n_filters)
            kinds = ("scale", "shift", "mean", "variance")
            ours = ("weight", "bias", "running_mean", "running_var")
            learned = {n: arrays[f"fcn_{kind}_l{k}"] for n, kind in zip(ours, kinds, strict=True)}
            self.norm.load_state_dict(learned, strict=False)
        self.active = layer.activation == "relu"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (n_samples, n_filters, n_timesteps)."""
        parts = [
            filters(functional.pad(x, pad))
            for filters, pad in zip(self.filters, self.pads, strict=True)
        ]
        y = self.norm(torch.cat(parts, 1) if len(parts) > 1 else parts[0])
        return y.relu() if self.active else y


class TorchClassifier(nn.Module):
    """The network of a fitted classifier of two classes; lengths are a multiple of the patch."""

    def __init__(self, model: LSTMClassifier) -> None:
        super().__init__()
        self.both, self.patch_size = model.scale == "both", model.patch_size_
        arrays = {k: torch.tensor(v, dtype=torch.float32) for k, v in model.parameters_.items()}
        n_channels = model.n_channels_in_ * (1 + self.both) * self.patch_size
        self.lstm = nn.LSTM(
            n_channels, model.hidden_size, bidirectional=model.bidirectional, batch_first=True
        )
        state = torch_state_dict(model)
        self.lstm.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
        self.head = nn.Linear(arrays["head_weight"].shape[1], 1)
        self.head.load_state_dict({"weight": arrays["head_weight"], "bias": arrays["head_bias"]})
        self.register_buffer("center", torch.from_numpy(model.channel_mean_))
        self.register_buffer("scale", torch.from_numpy(model.channel_scale_))
        layers = model.branch_.layers() if model.branch_ else ()
        self.branch = nn.Sequential(*(Convolution(arrays, k, at) for k, at in enumerate(layers)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the probabilities (n_samples, 2) of x (n_samples, n_timesteps, n_channels)."""
        x = x.double()
        seen = (x - self.center) / self.scale
        if self.both:
            deviation = x - x.mean(1, keepdim=True)
            within = deviation / (deviation**2).mean(1, keepdim=True).sqrt()
            seen = torch.stack([seen, within], 3).flatten(2)
        seen = seen.float()
        patched = seen
        if self.patch_size > 1:
            patched = seen.reshape(len(x), -1, self.patch_size * seen.shape[2])
        _, (h, _) = self.lstm(patched)
        features = h.transpose(0, 1).flatten(1)
        if len(self.branch):
            features = torch.cat([features, self.branch(seen.transpose(1, 2)).mean(2)], 1)
        positive = self.head(features).sigmoid()
        return torch.cat([1.0 - positive, positive], 1)
