"""Real time series for forecasting, as pandas objects."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils._param_validation import validate_params

_FOLDER = Path(__file__).parent / "data"


def load_air_passengers() -> Any:
    """Load the monthly passengers of international airlines, 1949 to 1960.

    ============   ===============================
    Observations   144, monthly
    Values         104 - 622 (thousand passengers)
    Season         12
    ============   ===============================

    Returns
    -------
    Series
        The passengers, with a monthly PeriodIndex.

    Notes
    -----
    This is Series G of Box and Jenkins [1]_. No rights in these numbers are claimed; see
    ``data/air_passengers.rst`` in the folder of this module.

    References
    ----------
    .. [1] Box, G. E. P. and Jenkins, G. M. (1976). Time Series Analysis, Forecasting and Control,
       third edition. Holden-Day.

    Examples
    --------
    >>> from sklstm.datasets import load_air_passengers
    >>> y = load_air_passengers()
    >>> int(y["1960-12"])
    432
    """
    import pandas as pd

    with np.load(_FOLDER / "air_passengers.npz") as archive:
        values = archive["passengers"].astype(np.int64)
    index = pd.period_range("1949-01", periods=len(values), freq="M")
    return pd.Series(values, index, name="passengers")


def load_sunspots() -> Any:
    """Load the yearly mean sunspot numbers, 1700 to 2008.

    ============   ==========================
    Observations   309, yearly
    Values         0 - 190.2
    Season         none; a cycle of 9-14 years
    ============   ==========================

    Returns
    -------
    Series
        The sunspot numbers, with a yearly PeriodIndex.

    Notes
    -----
    The data are in the public domain [1]_; see ``data/sunspots.rst`` in the folder of this module.

    References
    ----------
    .. [1] National Geophysical Data Center, Solar Data Services.
       http://www.ngdc.noaa.gov/stp/solar/solarda3.html

    Examples
    --------
    >>> from sklstm.datasets import load_sunspots
    >>> len(load_sunspots())
    309
    """
    import pandas as pd

    with np.load(_FOLDER / "sunspots.npz") as archive:
        values = archive["sunspots"] / 10.0
    index = pd.period_range("1700", periods=len(values), freq="Y")
    return pd.Series(values, index, name="sunspots")


@validate_params({"return_y_X": ["boolean"]}, prefer_skip_nested_validation=True)
def load_bike_rentals(*, return_y_X: bool = False) -> Any:
    """Load the hourly bicycle rentals of eight weeks in 2011.

    ============   ========================================================
    Observations   1344, hourly
    Values         1 - 638 rentals
    Seasons        24 and 168
    Exogenous      temperature, humidity, windspeed, workingday, weather
    ============   ========================================================

    Parameters
    ----------
    return_y_X : bool, default=False
        Whether to return the exogenous variables as well.

    Returns
    -------
    y : Series
        The rentals, with an hourly DatetimeIndex.
    (y, X) : tuple, if `return_y_X` is True
        The rentals, and a DataFrame of the exogenous variables with the same index.

    Notes
    -----
    The data are a part of the Bike Sharing data set [1]_, licensed under CC BY 4.0. See
    ``data/bike_rentals.rst`` in the folder of this module for the units.

    References
    ----------
    .. [1] Fanaee-T, H. (2013). Bike Sharing. UCI Machine Learning Repository.
       https://doi.org/10.24432/C5W894

    Examples
    --------
    >>> from sklstm.datasets import load_bike_rentals
    >>> y, X = load_bike_rentals(return_y_X=True)
    >>> X.shape
    (1344, 5)
    """
    import pandas as pd

    with np.load(_FOLDER / "bike_rentals.npz") as archive:
        index = pd.date_range("2011-05-02", periods=len(archive["rentals"]), freq="h")
        y = pd.Series(archive["rentals"].astype(np.int64), index, name="rentals")
        columns = {
            "temperature": archive["temperature"] / 100.0,
            "humidity": archive["humidity"] / 100.0,
            "windspeed": archive["windspeed"] / 10_000.0,
            "workingday": archive["workingday"].astype(np.int64),
            "weather": archive["weather"].astype(np.int64),
        }
    return (y, pd.DataFrame(columns, index)) if return_y_X else y
