"""A fitted estimator elsewhere: as ONNX, in C, in torch, in a file of skops."""

from sklstm.export._skops import skops_trusted
from sklstm.export._to_c import to_c
from sklstm.export._to_onnx import register_with_skl2onnx, to_onnx
from sklstm.export._torch import load_parameters, torch_state_dict

__all__ = [
    "load_parameters",
    "register_with_skl2onnx",
    "skops_trusted",
    "to_c",
    "to_onnx",
    "torch_state_dict",
]
