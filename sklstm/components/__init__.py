"""The parts of a network and of its training, each an object with its own hyper-parameters."""

from sklstm.components.attention import SelfAttention
from sklstm.components.augmentation import Warping
from sklstm.components.cells import GRU, LSTM, LSTM1997, RNN, Cell, Coupled, Peephole
from sklstm.components.component import Component
from sklstm.components.convolutions import FCN, LITE, Branch, Convolutions
from sklstm.components.distributions import Gamma, Gaussian, Poisson, Tweedie
from sklstm.components.loss import Loss
from sklstm.components.losses import AbsoluteError, Huber, Quantile, SquaredError
from sklstm.components.schedules import (
    Adaptive,
    Constant,
    Cosine,
    InverseScaling,
    OneCycle,
    Schedule,
)
from sklstm.components.solvers import SGD, Adam, AdamW, RMSProp, Solver
from sklstm.components.survival import Survival

__all__ = [
    "FCN",
    "GRU",
    "LITE",
    "LSTM",
    "LSTM1997",
    "RNN",
    "SGD",
    "AbsoluteError",
    "Adam",
    "AdamW",
    "Adaptive",
    "Branch",
    "Cell",
    "Component",
    "Constant",
    "Convolutions",
    "Cosine",
    "Coupled",
    "Gamma",
    "Gaussian",
    "Huber",
    "InverseScaling",
    "Loss",
    "OneCycle",
    "Peephole",
    "Poisson",
    "Quantile",
    "RMSProp",
    "Schedule",
    "SelfAttention",
    "Solver",
    "SquaredError",
    "Survival",
    "Tweedie",
    "Warping",
]
