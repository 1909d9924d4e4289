"""`to_onnx`: a fitted estimator as an ONNX model."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper

from sklstm._version import __version__
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx import convolutions, encoder, outputs, readout, recurrent
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.inputs import network_input, patches, with_vectors


def network(graph: Graph, model: FittedModel, X: str) -> dict[str, str]:
    """Add all from X (n_samples, n_timesteps, n_channels) to the outputs, returned by name."""
    given = network_input(graph, model, X)
    raws = []
    for member in model.members:
        seen = with_vectors(graph, member, given)
        patched = patches(graph, seen, model.spec.patch_size, model.spec.n_channels)
        beside = given.static if model.spec.n_static else []
        if member.spec.branch:
            beside = [*beside, convolutions.branch(graph, member, seen)]
        states, final = recurrent.layers(graph, member, convolutions.front(graph, member, patched))
        if member.spec.encoder is not None:
            states, final = encoder.layers(graph, member, states), ""
        raws.append(readout.raw_prediction(graph, member, states, final, beside))
        member.parameters.check_all_read("ONNX")
    return outputs.decoded(graph, model, raws, states)


def convert(estimator: Any, target_opset: int) -> onnx.ModelProto:
    """Return the model of an estimator."""
    model = FittedModel.of(estimator, "ONNX")
    graph = Graph()
    given = network(graph, model, "X")
    for name, inner in given.items():
        graph.add("Identity", inner, name=name)
    graph.prune(given)
    proto = helper.make_graph(
        graph.nodes,
        "sklstm",
        [_tensor("X", TensorProto.FLOAT, ["n_samples", "n_timesteps", model.n_channels])],
        [_tensor(name, *outputs.type_and_shape(model, name)) for name in given],
        list(graph.constants.values()),
    )
    opsets = [helper.make_opsetid("", target_opset)]
    made = helper.make_model(proto, opset_imports=opsets, producer_name="sklstm",
                             producer_version=__version__,
                             ir_version=helper.find_min_ir_version_for(opsets))  # fmt: skip
    helper.set_model_props(made, model.metadata(__version__))
    onnx.checker.check_model(made, full_check=True)
    return made


def _tensor(name: str, kind: int, shape: list[str | int]) -> onnx.ValueInfoProto:
    """Return the description of an input or output."""
    return helper.make_tensor_value_info(name, kind, shape)
