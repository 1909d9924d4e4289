"""Save a small fitted classifier, as a file of the version that is installed.

The script is run by hand, once for a version; the tests read its files:

    python tests/saved/make_saved.py tests/saved/0.1.0.pickle
"""

import pickle
import sys
from pathlib import Path

import numpy as np

from sklstm import LSTMClassifier


def main():
    """Write the file: the model, X and the probabilities."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 6, 1)), np.arange(12) % 2
    model = LSTMClassifier(hidden_size=2, bidirectional=False, max_iter=1, random_state=0).fit(X, y)
    content = {"X": X, "predict_proba": model.predict_proba(X), "model": model}
    Path(sys.argv[1]).write_bytes(pickle.dumps(content, protocol=4))


if __name__ == "__main__":
    main()
