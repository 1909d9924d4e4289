"""The base of all components: what makes an object a part that an estimator can be given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

# Values that hyper-parameters take, as scikit-learn's validation has them.
ANY_NUMBER = Interval(Real, None, None, closed="neither")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="left")  # 0 <= value < 1
INSIDE_UNIT = Interval(Real, 0, 1, closed="neither")  # 0 < value < 1
COUNT = Interval(Integral, 1, None, closed="left")  # 1, 2, ...
COUNT_OR_ZERO = Interval(Integral, 0, None, closed="left")


def parameter(default: Any, *constraints: Any, **metadata: Any) -> Any:
    """Declare a hyper-parameter: a field of a dataclass with the values that it takes."""
    return dataclasses.field(
        default=default, metadata={"constraints": list(constraints), **metadata}
    )


# the site of the documentation, as in pyproject.toml
DOCUMENTATION = "https://sklstm.readthedocs.io/en/latest/"


class OnTheSite(BaseEstimator):
    """A scikit-learn object; the question mark of its HTML leads to its page on the site."""

    _doc_link_module = "sklstm"
    _doc_link_template = DOCUMENTATION + "reference/api/{estimator_name}.html"


class WithParameters(OnTheSite):
    """A scikit-learn object whose constructor is that of a dataclass of `parameter` fields."""

    @property
    def _parameter_constraints(self) -> dict[str, Any]:
        """What scikit-learn validates by, declared beside each field."""
        fields = dataclasses.fields(self)
        return {field.name: field.metadata["constraints"] or "no_validation" for field in fields}


class Component(WithParameters):
    """A part of a network or of its training, with hyper-parameters of its own.

    Subclasses are dataclasses of `parameter` fields. ``get_params``, ``set_params``, ``clone``
    and nested names such as ``cell__zoneout`` are those of scikit-learn.
    """

    def checked(self) -> Self:
        """Return the component itself; raise an error if a hyper-parameter is invalid."""
        self._validate_params()
        return self


class WithComponents(OnTheSite):
    """An estimator that has components as hyper-parameters, or strings that stand for them."""

    # where a string stands for a component: the components by that string
    _by_name: ClassVar[dict[str, Mapping[str, type[Component]]]] = {}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and those of components by nested names such as ``cell__zoneout``."""
        for key in [key for key in params if "__" in key and hasattr(self, key.split("__")[0])]:
            name = key.partition("__")[0]
            choice = params.get(name, getattr(self, name))
            component = self._component(name, choice)
            if not isinstance(component, Component):
                raise ValueError(
                    f"{key} cannot be set: {name}={choice!r} has no hyper-parameters of its own. "
                    f"Set {name} to a component of sklstm.components first."
                )
            params[name] = component
        return super().set_params(**params)

    def _component(self, name: str, choice: Any) -> Any:
        """Return the component that a string stands for; any other value as it is."""
        named = self._by_name.get(name, {})
        return named[choice]() if isinstance(choice, str) and choice in named else choice


C = TypeVar("C", bound=Component)


def resolve(choice: str | C, named: Mapping[str, type[C]]) -> C:
    """Return the component that a user chose, by its name or as an object."""
    component = named[choice]() if isinstance(choice, str) else choice
    return component.checked()


def is_same(now: Any, before: Any) -> bool:
    """Return whether a hyper-parameter has the value that it had; it may be an array."""
    if hasattr(now, "__array__") or hasattr(before, "__array__"):
        return np.array_equal(now, before)
    return bool(now == before)
