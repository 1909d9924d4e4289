"""Pipelines: skl2onnx converts what comes before an estimator, and calls a converter of ours."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

from sklstm._classifier import LSTMClassifier
from sklstm._regressor import LSTMRegressor
from sklstm._version import __version__
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx import outputs
from sklstm.export._onnx.convert import network
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.static_features import beside_steps


def convert_pipeline(pipeline: Any, target_opset: int) -> onnx.ModelProto:
    """Return the model of a Pipeline whose last step is an estimator of this package."""
    register()
    last = pipeline[-1]
    model = FittedModel.of(last, "ONNX")
    columns = [None, pipeline.n_features_in_]
    made = convert_sklearn(
        pipeline,
        initial_types=[("X", FloatTensorType(columns))],
        options={id(last): {"zipmap": False}} if model.classes is not None else None,
        target_opset=target_opset,
    )
    helper.set_model_props(made, model.metadata(__version__))
    onnx.checker.check_model(made, full_check=True)
    return made


def register() -> None:
    """Let skl2onnx convert classifiers and regressors of this package."""
    update_registered_converter(
        LSTMClassifier, "SklstmLSTMClassifier", _set_shapes, _convert,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )  # fmt: skip
    update_registered_converter(LSTMRegressor, "SklstmLSTMRegressor", _set_shapes, _convert)


def _set_shapes(operator: Any) -> None:
    """Set type and shape of the outputs of an operator of skl2onnx."""
    model = FittedModel.of(operator.raw_operator, "ONNX")
    n_samples = operator.inputs[0].get_first_dimension()
    types: dict[int, Any] = {
        TensorProto.FLOAT: FloatTensorType, TensorProto.INT64: Int64TensorType,
        TensorProto.STRING: StringTensorType,
    }  # fmt: skip
    for name, variable in zip(_names(model), operator.outputs, strict=True):
        kind, shape = outputs.type_and_shape(model, name)
        if kind not in types:
            raise ValueError("skl2onnx takes labels that are integers or strings only.")
        further = [n if isinstance(n, int) else None for n in shape[1:]]
        variable.set_type(types[kind]([n_samples, *further]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an estimator to what skl2onnx has so far."""
    model = FittedModel.of(operator.raw_operator, "ONNX")
    graph = Graph(scope.get_unique_variable_name("sklstm") + "_")
    source = operator.inputs[0]
    X = graph.cast(source.full_name, TensorProto.FLOAT)
    if len(source.type.shape) == 2:  # all channels of a step side by side
        _check_wide(model)
        X = beside_steps(graph, model, X)
    given = network(graph, model, X)
    for name, variable in zip(_names(model), operator.outputs, strict=True):
        graph.add("Identity", given[name], name=variable.full_name)
    graph.prune(variable.full_name for variable in operator.outputs)
    container.initializers.extend(graph.constants.values())
    for node in graph.nodes:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        container.add_node(
            node.op_type, list(node.input), list(node.output),
            op_version=container.target_opset, name=scope.get_unique_operator_name(node.op_type),
            **attributes,
        )  # fmt: skip


def _check_wide(model: FittedModel) -> None:
    """Raise an error if fit was not given a 2-D X with a row for each sample."""
    estimator = model.estimator
    # a row of sequences is a time step; of a 2-D X it is one only if n_channels says so
    of_steps = estimator.n_features_in_ == estimator.n_channels_in_ != estimator.n_channels
    if of_steps and estimator.static_columns_ is None:
        raise ValueError(
            "This pipeline was fitted on sequences, whose rows are time steps. Those of X of an "
            "ONNX pipeline are samples: export its last step, pipeline[-1], whose X has three "
            "axes, and give it what the steps before it make of X."
        )


def _names(model: FittedModel) -> tuple[str, ...]:
    """Return the names of the outputs, in the order of skl2onnx."""
    return ("variable",) if model.classes is None else ("label", "probabilities")
