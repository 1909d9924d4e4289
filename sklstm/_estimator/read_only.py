"""theta_: replaced by assignment alone, because predictions do not notice a change within it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklstm._estimator.saved import Saved


class ReadOnlyTheta(Saved):
    """An estimator whose parameters are a read-only array."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep parameters that the user assigns as a copy, of the shape that they have."""
        if name == "theta_":
            value, shape = np.array(value), np.shape(getattr(self, name, value))
            value.flags.writeable = False
            if value.shape != shape:
                raise ValueError(
                    f"theta_ of this network has the shape {shape}, what is assigned to it "
                    f"{value.shape}. load_parameters in sklstm.export replaces them by name."
                )
            self.__dict__.pop("conformity_scores_", None)  # of other parameters
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load a state; NumPy does not store that an array is read-only."""
        super().__setstate__(state)
        if "theta_" in self.__dict__:
            self.theta_.flags.writeable = False
