"""A fitted estimator elsewhere: as ONNX, in C, in torch, in a skops file."""

from sklstm.export._to_onnx import to_onnx

__all__ = ["to_onnx"]
