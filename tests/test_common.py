"""scikit-learn's own checks."""

import os
import subprocess
import sys

import pytest
import sklearn
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    estimator_checks_generator,
)
from sklearn.utils.fixes import parse_version

from sklstm.components.cells import CELLS
from tests.toy import ESTIMATORS, SMALL, problem, run_estimator_checks


def checks(**parameters):
    """Return all checks of all estimators as separate tests, none of them expected to fail."""
    for Estimator in ESTIMATORS:
        for estimator, check in estimator_checks_generator(Estimator(**parameters)):
            parts = [Estimator.__name__, check.func.__name__, *check.keywords.values()]
            yield pytest.param(estimator, check, id="-".join(map(str, parts)))


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_estimator_checks(estimator, check):
    check(estimator)


def test_no_check_is_missing():
    names = {check.values[1].func.__name__ for check in checks()}
    assert len(names) > 45
    for name in ("check_sample_weight_equivalence_on_dense_data", "check_fit_idempotent"):
        assert name in names


# All other checks concern code that all cells share; a small network, trained for as long as these
# checks need, is enough.
OF_CELLS = (
    "check_sample_weight_equivalence", "check_fit_idempotent", "check_methods_subset_invariance",
    "check_methods_sample_order", "check_estimators_pickle", "check_classifiers_train",
    "check_regressors_train", "check_transformer_general",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("cell", sorted(set(CELLS) - {"lstm"}))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks_of_every_cell(Estimator, cell):
    run_estimator_checks(Estimator(cell=cell, hidden_size=8, max_iter=30), OF_CELLS)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_further_checks(Estimator, check):
    check(Estimator.__name__, Estimator())


# SciPy reads SCIPY_ARRAY_API when it is imported, so the checks that need it run in another
# process. The script prints the names of the checks.
ARRAY_API_CHECKS = """
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklstm import LSTMClassifier, LSTMRegressor

for Estimator in LSTMClassifier, LSTMRegressor:
    for estimator, check in estimator_checks_generator(Estimator()):
        if "array_api" in check.func.__name__:
            check(estimator)
            print(check.func.__name__)
"""


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older versions check the array API only where an estimator says it supports it",
)
def test_array_api_checks():
    result = subprocess.run(
        [sys.executable, "-c", ARRAY_API_CHECKS],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["check_array_api_input"] * 2


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_tags(Estimator):
    tags = get_tags(Estimator())
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.allow_nan  # only as padding
    assert not tags.no_validation
    assert not tags._skip_test


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_html_repr(Estimator):
    model = Estimator(**SMALL)
    assert "Not fitted" in model._repr_html_()
    html = model.fit(*problem(Estimator))._repr_html_()
    assert "Not fitted" not in html
    assert "hidden_size" in html
