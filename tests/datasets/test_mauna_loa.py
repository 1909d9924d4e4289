from pathlib import Path

import numpy as np
import pandas as pd

from sklstm import datasets
from sklstm.datasets import load_mauna_loa

FOLDER = Path(datasets.__file__).parent / "data"


def test_carbon_dioxide():
    y = load_mauna_loa()
    assert (y.index[0], y.index[-1]) == (pd.Period("1958-03", "M"), pd.Period("2001-12", "M"))
    assert (len(y), y.min(), y.max()) == (526, 313.4, 373.8)
    assert [str(month) for month in y.index[y.isna()]] == [
        "1958-06",
        "1958-10",
        "1964-02",
        "1964-03",
        "1964-04",
    ]
    years = y.groupby(y.index.year).mean().loc[1959:]
    assert (years.diff().dropna() > 0).all()


def test_temperature_shows_the_strongest_el_nino():
    y, X = load_mauna_loa(return_y_X=True)
    pd.testing.assert_series_equal(y, load_mauna_loa())
    assert X.index.equals(y.index)
    assert np.isfinite(X.to_numpy()).all()
    anomaly = X["sea_temperature"] - X["sea_temperature"].groupby(X.index.month).transform("mean")
    assert anomaly.idxmax().year in (1983, 1997, 1998)


def test_licence_is_attached():
    assert "Public domain" in (FOLDER / "mauna_loa.rst").read_text("utf-8")
    assert (FOLDER / "mauna_loa.npz").stat().st_size < 5_000
