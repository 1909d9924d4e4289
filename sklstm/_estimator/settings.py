"""What "auto" means: from hyper-parameters and data to the settings of network and training."""

from __future__ import annotations

import hashlib
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sklstm._estimator.hyper_parameters import HyperParameters
from sklstm._input.sequences import SequenceDataset, Targets, network_channels, typical_length
from sklstm._network.spec import NetworkSpec
from sklstm._training.training import TrainingSettings
from sklstm.components.attention import ATTENTIONS
from sklstm.components.augmentation import Warping
from sklstm.components.cells import CELLS
from sklstm.components.component import resolve
from sklstm.components.convolutions import Branch, Convolutions
from sklstm.components.loss import Loss
from sklstm.components.poolings import EVERY_STEP, POOLINGS
from sklstm.components.schedules import SCHEDULES, Constant

# docs/decisions/defaults.md has the measurements.
# patch_size="auto": about so many steps of the longest series are left for the recurrent layers,
# or beside a branch of one of median length; and for the branch of the longest
_TIMESTEPS, _TIMESTEPS_WITH_BRANCH, _BRANCH_TIMESTEPS = 128, 32, 1024
_MINIBATCHES, _EPOCHS, _MAX_EPOCHS = 1500, 40, 500  # max_iter="auto"
# and with a branch up to so many times as long, if the loss falls slowly: as long as the network
# reads no more time steps than this in all, which is about half a minute of a core
_LONGER, _MOST_TIMESTEPS = 2.25, 16_000_000
_BATCH, _MAX_BATCH, _BATCHES = 16, 256, 256  # batch_size="auto"
_DROPOUT, _DROPOUT_WITH_BRANCH = 0.2, 0.8
# Up to so many samples are one batch, in double precision, without dropout: there a sample weight
# equals so many copies of the sample to 1e-7. With a branch this holds if no more of them differ
# than a minibatch has; else minibatches of half the size are worth more.
_SMALL, _SMALL_BATCH = 32, 8


def convolutions(
    parameters: HyperParameters, front: Convolutions | None, branch: Branch | None
) -> tuple[Convolutions | None, Branch | None]:
    """Return the convolutions before and beside the recurrent layers, front and branch for "auto".

    "auto" adds convolutions to a network that reads whole sequences for one prediction each; a
    network that can be streamed or predicts every step has none.
    """
    whole = (
        parameters.bidirectional and parameters.num_layers > 0 and not parameters.return_sequences
    )
    if parameters.front != "auto":
        front = parameters.front
    elif not whole:
        front = None
    if parameters.branch != "auto":
        branch = parameters.branch
    elif not whole:
        branch = None
    return (
        None if front is None else front.checked(),
        None if branch is None else branch.checked(),
    )


def patch_sizes(
    parameters: HyperParameters,
    lengths: NDArray[np.int64],
    front: Convolutions | None,
    branch: Branch | None,
) -> tuple[int, int]:
    """Return the steps that become one for the recurrent layers, and for the branch.

    For training sequences of these lengths (n_samples,). The first is a multiple of the second,
    and both are the same without a branch.
    """
    longest = typical_length(lengths)
    for_branch = 1 if branch is None else -(-longest // _BRANCH_TIMESTEPS)
    if parameters.patch_size != "auto":
        size = int(parameters.patch_size)
        divisors = (n for n in range(min(for_branch, size), size + 1) if size % n == 0)
        return size, size if branch is None else next(divisors)
    if parameters.return_sequences:
        return 1, 1
    stride = 1 if front is None else math.prod(layer.stride for layer in front.layers())
    if branch is None:
        size = max(1, -(-longest // (_TIMESTEPS * stride)))
        return size, size
    of_median = math.ceil(np.median(lengths) / (_TIMESTEPS_WITH_BRANCH * stride * for_branch))
    return for_branch * of_median, for_branch


def is_one_batch(
    data: SequenceDataset,
    samples: NDArray[np.int64],
    targets: Targets,
    branch: Branch | None,
) -> bool:
    """Return whether "auto" trains on all samples at once; targets of these samples."""
    if len(samples) > _SMALL or branch is None:
        return len(samples) <= _SMALL
    different = {
        (
            _digest(data.values[data.begin[sample] : data.end[sample]]),
            _digest(targets.values[targets.indptr[k] : targets.indptr[k + 1]]),
        )
        for k, sample in enumerate(samples)
    }
    return len(different) <= _BATCH


def _digest(values: NDArray) -> bytes:
    """Return what tells values from others, without a copy: they may be a large memory map."""
    return hashlib.sha256(values.data).digest()


def precision(parameters: HyperParameters, one_batch: bool) -> Literal["float32", "float64"]:
    """Return the precision of the network."""
    if parameters.dtype != "auto":
        return parameters.dtype
    return "float64" if one_batch else "float32"


def network_spec(
    parameters: HyperParameters,
    *,
    n_channels: int,
    n_gaps: int,
    n_constant: int,
    patch_sizes: tuple[int, int],
    front: Convolutions | None,
    branch: Branch | None,
    n_outputs: int,
    loss: Loss,
    embeddings: tuple[tuple[int, int], ...] = (),
) -> NetworkSpec:
    """Return the network for sequences of so many numeric channels, n_gaps of which have gaps.

    n_constant: inputs that do not change within a sequence

    For patch_sizes and embeddings see the functions.
    """
    of_layers, of_branch = patch_sizes
    attention = parameters.attention
    n_embedded = of_branch * sum(size for _, size in embeddings)
    return NetworkSpec(
        n_channels=network_channels(n_channels, of_branch, parameters.scale, n_gaps)
        + n_constant
        + n_embedded,
        embeddings=embeddings,
        embedded_steps=of_branch,
        patch_size=of_layers // of_branch,
        cell=resolve(parameters.cell, CELLS),
        hidden_size=int(parameters.hidden_size),
        num_layers=int(parameters.num_layers),
        bidirectional=bool(parameters.bidirectional),
        pooling=EVERY_STEP if parameters.return_sequences else POOLINGS[parameters.pooling],
        n_outputs=n_outputs,
        n_static=0 if parameters.return_sequences else n_constant,
        loss=loss,
        truncated=parameters.gradient == "truncated",
        bptt_steps=0 if parameters.bptt_steps is None else int(parameters.bptt_steps),
        front=() if front is None else front.layers(),
        branch=() if branch is None else branch.layers(),
        encoder=None if attention is None else resolve(attention, ATTENTIONS),
        recurrent_dropout=float(parameters.recurrent_dropout),
        variational_dropout=float(parameters.variational_dropout),
    )


def training_settings(
    parameters: HyperParameters,
    lengths: NDArray[np.int64],
    one_batch: bool,
    branch: Branch | None,
    incremental: bool,
) -> TrainingSettings:
    """Return how long and how to train; one epoch at a constant rate if `incremental`.

    lengths: of the training sequences (n_samples,). one_batch: see `is_one_batch`
    """
    n_samples = len(lengths)
    batch_size = _batch_size(parameters, n_samples, one_batch)
    n_epochs = 1 if incremental else _n_epochs(parameters, n_samples, batch_size)
    may_go_on = parameters.max_iter == "auto" and branch is not None and not incremental
    schedule = resolve(parameters.learning_rate, SCHEDULES)
    return TrainingSettings(
        batch_size=batch_size,
        n_epochs=n_epochs,
        most_epochs=_most_epochs(n_epochs, lengths) if may_go_on else n_epochs,
        schedule=Constant() if incremental else schedule,
        learning_rate_init=parameters.learning_rate_init,
        shuffle=parameters.shuffle,
        dropout=_dropout(parameters, one_batch, branch),
        warping=_warping(parameters, one_batch or incremental, branch),
        tol=parameters.tol,
        n_iter_no_change=parameters.n_iter_no_change,
    )


def _batch_size(parameters: HyperParameters, n_samples: int, one_batch: bool) -> int:
    """Return the samples of a minibatch."""
    if parameters.batch_size != "auto":
        return min(int(parameters.batch_size), n_samples)
    if one_batch:
        return n_samples
    if n_samples <= _SMALL:
        return _SMALL_BATCH
    # a power of two that keeps an epoch within about 256 minibatches
    wanted = 2 ** math.ceil(math.log2(max(n_samples / _BATCHES, 1)))
    return min(max(_BATCH, wanted), _MAX_BATCH, n_samples)


def _n_epochs(parameters: HyperParameters, n_samples: int, batch_size: int) -> int:
    """Return the epochs of training."""
    if parameters.max_iter != "auto":
        return int(parameters.max_iter)
    enough = -(-_MINIBATCHES // -(-n_samples // batch_size))
    return max(_EPOCHS, min(enough, _MAX_EPOCHS))


def _most_epochs(n_epochs: int, lengths: NDArray[np.int64]) -> int:
    """Return the epochs for a loss that falls slowly; lengths of the sequences (n_samples,)."""
    affordable = _MOST_TIMESTEPS // int(lengths.sum())
    return max(n_epochs, min(int(_LONGER * n_epochs), affordable))


def _dropout(parameters: HyperParameters, one_batch: bool, branch: Branch | None) -> float:
    """Return the share of states that dropout sets to zero."""
    if parameters.dropout != "auto":
        return float(parameters.dropout)
    if one_batch:
        return 0.0
    return _DROPOUT if branch is None else _DROPOUT_WITH_BRANCH


def _warping(parameters: HyperParameters, exact: bool, branch: Branch | None) -> Warping | None:
    """Return how sequences are changed in training; "auto" leaves them if it is to be exact."""
    if parameters.augmentation != "auto":
        return parameters.augmentation
    selection = parameters.categorical_features  # words have no values between them
    with_categories = selection is not None and len(selection) > 0
    return None if exact or branch is None or with_categories else Warping()
