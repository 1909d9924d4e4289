import numpy as np
import pandas as pd

from sklstm.datasets import load_air_passengers, load_bike_rentals, load_sunspots


def test_air_passengers():
    y = load_air_passengers()
    assert (y.index[0], y.index[-1]) == (pd.Period("1949-01", "M"), pd.Period("1960-12", "M"))
    assert y[:5].tolist() == [112, 118, 132, 129, 121]
    assert (y.sum(), y.max()) == (40363, 622)


def test_sunspots():
    y = load_sunspots()
    assert (y.index[0].year, y.index[-1].year) == (1700, 2008)
    assert y[:3].tolist() == [5.0, 11.0, 16.0]
    assert y.max() == 190.2


def test_bike_rentals():
    y, X = load_bike_rentals(return_y_X=True)
    assert y.index.freqstr == "h"
    assert (len(y), y.index[0].day_name()) == (8 * 168, "Monday")
    assert y.iloc[0] == 177
    assert X.index.equals(y.index)
    assert X.iloc[0].round(4).tolist() == [0.46, 0.72, 0.1343, 1.0, 1.0]
    assert np.isfinite(X.to_numpy()).all()
    pd.testing.assert_series_equal(load_bike_rentals(), y)


def test_licences_are_attached():
    from sklstm import datasets

    folder = __import__("pathlib").Path(datasets.__file__).parent / "data"
    for name in ("air_passengers", "sunspots", "bike_rentals"):
        assert "**Licence**" in (folder / f"{name}.rst").read_text("utf-8")
        assert (folder / f"{name}.npz").stat().st_size < 10_000
