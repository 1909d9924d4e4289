"""A fitted estimator elsewhere: as ONNX, in C, in torch, in a file of skops."""

from sklstm.export._to_onnx import register_with_skl2onnx, to_onnx

__all__ = ["register_with_skl2onnx", "to_onnx"]
