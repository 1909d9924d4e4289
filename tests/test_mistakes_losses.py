"""Mistakes that a newcomer makes with losses, intervals, scoring and transform; what is said."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import Quantile, Tweedie
from sklstm.components.losses import BinaryCrossEntropy
from tests.toy import SMALL, sequences

X, SLOPE = sequences()
COUNTS = np.arange(24.0)


def regressor(loss="squared_error", y=COUNTS, **settings):
    """Return a fitted regressor."""
    return LSTMRegressor(**SMALL, loss=loss, **settings).fit(X, y)


def fewer(n):
    """Return a regressor that was calibrated with n samples."""
    return regressor().conformalize(X[:n], COUNTS[:n])


MISTAKES = [
    (
        "negative counts",
        lambda: regressor("poisson", SLOPE),
        r"Poisson needs targets of at least 0: y is -0\.\d+ in row 0, output 0\. For negative "
        r"values choose loss='squared_error' or 'gaussian'\.",
    ),
    (
        "zeros for gamma",
        lambda: regressor("gamma"),
        r"Gamma needs targets above 0: y is 0 in row 0, output 0\. For zeros choose "
        r"loss='tweedie' or 'poisson'",
    ),
    (
        "negative amounts in the second output",
        lambda: regressor("tweedie", np.column_stack([COUNTS, -COUNTS])),
        r"Tweedie needs targets of at least 0: y is -1 in row 1, output 1\.",
    ),
    (
        "counts that are all 0",
        lambda: regressor("poisson", np.zeros(24)),
        r"Poisson predicts a positive mean, but y is 0 in all rows that count: begin with samples "
        r"of which some are positive, or choose loss='squared_error'",
    ),
    (
        "a second output that is always 0",
        lambda: regressor("poisson", np.column_stack([COUNTS, np.zeros(24)])),
        r"y is 0 in all rows of output 1 that count: leave it out, or choose loss='squared_error'",
    ),
    (
        "tiny amounts",
        lambda: regressor("gamma", np.full(24, 1e-300)),
        r"The mean of y is 1e-300, too little to compute with: multiply y by a constant",
    ),
    (
        "the power of another distribution",
        lambda: regressor(Tweedie(power=2.0)),
        r"'power' parameter of Tweedie must be a float in the range \(1(\.0)?, 2(\.0)?\)",
    ),
    (
        "a misspelt loss",
        lambda: regressor("Poisson"),
        r"'loss' parameter of LSTMRegressor must be a str among .*'poisson'",
    ),
    (
        "a loss of classifiers",
        lambda: regressor(BinaryCrossEntropy()),
        r"'loss' parameter of LSTMRegressor must be .*RegressionLoss",
    ),
    (
        "levels in percent",
        lambda: regressor(Quantile((5.0, 50.0, 95.0))),
        r"q=\(5\.0, 50\.0, 95\.0\) of Quantile: pass a number between 0 and 1, or several of them "
        r"in increasing order",
    ),
    (
        "levels in no order",
        lambda: regressor(Quantile((0.9, 0.5, 0.1))),
        r"several of them in increasing order",
    ),
    (
        "a level twice",
        lambda: regressor(Quantile((0.1, 0.1))),
        r"several of them in increasing order",
    ),
    ("no levels", lambda: regressor(Quantile(())), r"q=\(\) of Quantile: pass a number"),
    (
        "a standard deviation that was not learned",
        lambda: regressor("poisson").predict(X, return_std=True),
        r"return_std=True needs loss='gaussian', but this network was fitted with "
        r"loss='poisson': fit with loss='gaussian', or use predict_interval",
    ),
    (
        "quantiles that were not learned",
        lambda: regressor("gaussian").predict_quantiles(X),
        r"predict_quantiles needs a loss such as Quantile\(\(0\.05, 0\.5, 0\.95\)\), but this "
        r"network was fitted with Gaussian\(\)",
    ),
    (
        "an interval after a plain fit",
        lambda: regressor("gaussian").predict_interval(X),
        r"predict_interval needs errors on data that fit has not seen, because those on its own "
        r"data are too small: call conformalize\(X, y\) with such data before",
    ),
    (
        "a coverage in percent",
        lambda: fewer(24).predict_interval(X, coverage=90),
        r"coverage=90: pass a number between 0 and 1, such as 0\.9",
    ),
    (
        "several coverages",
        lambda: fewer(24).predict_interval(X, coverage=[0.5, 0.9]),
        r"coverage=\[0\.5, 0\.9\]: pass a number between 0 and 1",
    ),
    (
        "too few samples to calibrate",
        lambda: fewer(12).predict_interval(X, coverage=0.95),
        r"coverage=0\.95 needs at least 19 values of y in conformalize, which was given 12: pass "
        r"more of them, or lower coverage",
    ),
    (
        "y of other samples",
        lambda: regressor().conformalize(X, COUNTS[:20]),
        r"inconsistent numbers of samples: X has 24, y has 20",
    ),
    (
        "a misspelt scorer",
        lambda: regressor(early_stopping=True, scoring="mae"),
        r"'scoring' parameter of LSTMRegressor must be a str among .*'neg_mean_absolute_error'",
    ),
    (
        "a scorer that gives no number",
        lambda: regressor(early_stopping=True, scoring=lambda estimator, X, y: float("nan")),
        r"gives nan on the validation set, where a finite number is needed: choose another "
        r"scorer, or a larger validation set",
    ),
    (
        "a warm start with a loss of another meaning",
        lambda: regressor(warm_start=True).set_params(loss="poisson").fit(X, COUNTS),
        r"loss='poisson', but the network was started with SquaredError\(\), whose raw "
        r"predictions mean something else.*set warm_start=False",
    ),
    (
        "a table of the features of every step",
        lambda: (
            LSTMRegressor(**SMALL, return_sequences=True)
            .fit(X, [x[:, 0] for x in X])
            .set_output(transform="pandas")
            .transform(X)
        ),
        r"With return_sequences=True there are features for each time step, .*call "
        r"set_output\(transform='default'\)",
    ),
    (
        "a transformer without y",
        lambda: LSTMClassifier(**SMALL).fit_transform(X),
        r"missing 1 required positional argument: 'y'",
    ),
    ("features before the fit", lambda: LSTMClassifier().transform(X), r"is not fitted yet"),
    (
        "names before the fit",
        lambda: LSTMClassifier().get_feature_names_out(),
        r"is not fitted yet",
    ),
    ("an interval before the fit", lambda: LSTMRegressor().predict_interval(X), r"not fitted yet"),
]


@pytest.mark.parametrize(
    ("mistake", "sentence"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_a_mistake_gets_a_sentence(mistake, sentence):
    with pytest.raises((TypeError, ValueError, NotFittedError), match=f"(?s){sentence}"):
        mistake()
