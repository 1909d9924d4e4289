from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklstm import datasets
from sklstm.datasets import load_oil_price, load_us_economy

FOLDER = Path(datasets.__file__).parent / "data"


def test_economy_has_the_published_values():
    economy = load_us_economy()
    assert (economy.index[0], economy.index[-1]) == (
        pd.Period("1959Q1", "Q"),
        pd.Period("2009Q3", "Q"),
    )
    assert economy.loc["2009Q3", ["realgdp", "cpi", "tbilrate"]].tolist() == [
        12990.341,
        216.385,
        0.12,
    ]
    assert np.isfinite(economy.to_numpy()).all()
    assert (economy["pop"].diff().dropna() > 0).all()


def test_oil_price():
    price = load_oil_price()
    assert (price.index[0], price.index[-1]) == (
        pd.Timestamp("1986-01-02"),
        pd.Timestamp("2019-01-03"),
    )
    assert price.iloc[[0, 1, -1]].tolist() == [25.56, 26.0, 46.92]
    assert (len(price), price.min(), price.max()) == (8321, 10.25, 145.31)
    assert price.index.is_monotonic_increasing
    assert not set(price.index.day_name()) & {"Saturday", "Sunday"}


@pytest.mark.parametrize("name", ["us_economy", "oil_price"])
def test_licences_are_attached(name):
    assert "Public domain" in (FOLDER / f"{name}.rst").read_text("utf-8")
    assert (FOLDER / f"{name}.npz").stat().st_size < 20_000
