"""Saved estimators: which version saved one, and what happens if it is another that loads it."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from sklstm._version import __version__


class Saved(BaseEstimator):
    """An estimator whose state says which version of the package saved it.

    A file of another version is loaded with a warning if its state is complete here. If it is
    not, because networks or hyper-parameters have changed since, loading is an error that says
    what to do.
    """

    # fitted attributes that are newer than files which may be loaded, as they would have been
    _newer: ClassVar[dict[str, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_sklstm_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        version = state.pop("_sklstm_version", None)
        if version == __version__:
            super().__setstate__(state)
            return
        # hyper-parameters and attributes that are newer than the file
        defaults = type(self)().get_params(deep=False)
        if "_architecture" in state:
            state = self._newer | state
            fixed = {f.name for f in dataclasses.fields(self) if f.metadata.get("fixed")}
            started = {name: defaults[name] for name in fixed} | state["_architecture"]
            state["_architecture"] = started
        super().__setstate__(defaults | state)
        saver = "an older version of sklstm" if version is None else f"sklstm {version}"
        reason = self._unknown_parameters(state) or self._incomplete()
        if reason is not None:
            again = "the version that saved it"
            again += "" if version is None else f" (pip install sklstm=={version})"
            raise ValueError(
                f"This {type(self).__name__} was saved by {saver}, and sklstm {__version__} "
                f"cannot read it: {reason}. Load it with {again}, or fit it again."
            )
        if self.__sklearn_is_fitted__():
            warnings.warn(
                f"This {type(self).__name__} was saved by {saver}; it fits sklstm {__version__} "
                "and was loaded. Compare a few of its predictions with those from before, and "
                "save it again.",
                UserWarning,
                stacklevel=2,
            )

    def __sklearn_is_fitted__(self) -> bool:
        raise NotImplementedError

    def _incomplete(self) -> str | None:
        """Return what the loaded estimator lacks; None if it is as this version would fit it."""
        raise NotImplementedError

    def _unknown_parameters(self, state: dict[str, Any]) -> str | None:
        """Return which hyper-parameters this version does not have; None if there are none."""
        known = self._get_param_names()
        public = [name for name in state if not name.startswith("_") and not name.endswith("_")]
        unknown = [name for name in public if name not in known]
        if not unknown:
            return None
        return (
            f"it has the hyper-parameters {', '.join(unknown)}, which are gone (see CHANGELOG.md)"
        )
