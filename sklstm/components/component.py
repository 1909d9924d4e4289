"""The base of all components: what makes an object a part that an estimator can be given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self, TypeVar

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


class WithParameters(BaseEstimator):
    """A scikit-learn object whose constructor is that of a dataclass of `parameter` fields."""

    _doc_link_module = "sklstm"
    _doc_link_template = ""

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


C = TypeVar("C", bound=Component)


def resolve(choice: str | C, named: Mapping[str, type[C]]) -> C:
    """Return the component that a user chose, by its name or as an object."""
    component = named[choice]() if isinstance(choice, str) else choice
    return component.checked()
