"""The page agrees with the results file."""

import pytest

from examples.hochreiter1997 import results
from examples.hochreiter1997.tables import PAGE, with_tables


def test_tables_are_those_of_the_results():
    page = PAGE.read_text("utf-8")
    assert with_tables(page, results.read()) == page, (
        "run python -m examples.hochreiter1997.tables and commit the page"
    )


def test_a_changed_result_is_noticed():
    lines = results.read()
    page = PAGE.read_text("utf-8")
    changed = lines[0]._replace(sequences=10 * lines[0].sequences)
    assert with_tables(page, [changed, *lines[1:]]) != page


def test_error_stays_in_the_carousel_alone():
    pytest.importorskip("matplotlib")
    from examples.hochreiter1997.pictures import error_flow

    flow = error_flow()
    assert (flow["memory cell of 1997"] == 1.0).all()
    assert flow["forget gate, bias 1"][100] < 1e-10
    assert flow["forget gate, chrono biases"][100] > 1e-2
    assert flow["Elman network"][1000] < 1e-2
