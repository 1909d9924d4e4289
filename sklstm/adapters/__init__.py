"""The estimators as those of sktime and aeon; ``adapters.sktime`` and ``adapters.aeon``.

Each module needs its package, which this one does not import.
"""

__all__: list[str] = []
