"""The network between the estimators and the kernels: its parameters, its plan, its chunks."""
