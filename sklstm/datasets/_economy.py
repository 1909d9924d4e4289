"""Series of the economy: national accounts by the quarter, and the price of oil by the day."""

from pathlib import Path
from typing import Any

import numpy as np

_FOLDER = Path(__file__).parent / "data"


def load_us_economy() -> Any:
    """Load ten quarterly series of the economy of the United States, 1959 to 2009.

    ============   ==========================
    Observations   203, quarterly
    Series         10
    Season         none; adjusted by the source
    ============   ==========================

    Returns
    -------
    DataFrame
        A column for each series, with a quarterly PeriodIndex.

        - realgdp, realcons, realinv, realgovt, realdpi: gross domestic product, private
          consumption, private investment, consumption and investment of the federal government,
          and disposable income, in billions of dollars of 2005 and a year
        - cpi: consumer price index at the end of the quarter, 100 in 1982 to 1984
        - m1: money stock M1 at the end of the quarter, in billions of dollars
        - tbilrate: interest of three-month treasury bills, in percent
        - unemp: unemployment rate, in percent
        - pop: population at the end of the quarter, in millions

    Notes
    -----
    The data are in the public domain: collected by Skipper Seabold for statsmodels from [1]_ and
    [2]_; see ``data/us_economy.rst`` in the folder of this module.

    References
    ----------
    .. [1] Federal Reserve Bank of St. Louis, FRED, Federal Reserve Economic Data.
       https://fred.stlouisfed.org
    .. [2] U.S. Bureau of Labor Statistics. https://www.bls.gov/data/

    Examples
    --------
    >>> from sklstm.datasets import load_us_economy
    >>> economy = load_us_economy()
    >>> economy.shape
    (203, 10)
    >>> float(economy.loc["2009Q3", "unemp"])
    9.6
    """
    import pandas as pd

    with np.load(_FOLDER / "us_economy.npz") as archive:
        values, columns = archive["values"] / 1000.0, [str(name) for name in archive["columns"]]
    index = pd.period_range("1959Q1", periods=len(values), freq="Q")
    return pd.DataFrame(values, index, columns=columns)


def load_oil_price() -> Any:
    """Load the daily price of crude oil (West Texas Intermediate), 1986 to 2019.

    ============   ================================
    Observations   8321, on the days of trade
    Values         10.25 - 145.31 dollars a barrel
    Season         none
    ============   ================================

    Returns
    -------
    Series
        The price in dollars a barrel, with a DatetimeIndex of the days on which there is one.

    Notes
    -----
    The data are in the public domain, as are the publications of this agency [1]_; see
    ``data/oil_price.rst`` in the folder of this module.

    References
    ----------
    .. [1] U.S. Energy Information Administration, Crude Oil Prices: West Texas Intermediate
       (DCOILWTICO). https://fred.stlouisfed.org/series/DCOILWTICO

    Examples
    --------
    >>> from sklstm.datasets import load_oil_price
    >>> price = load_oil_price()
    >>> len(price), float(price["2008-07-03"])
    (8321, 145.31)
    """
    import pandas as pd

    with np.load(_FOLDER / "oil_price.npz") as archive:
        days, price = archive["day"].cumsum(), archive["cents"] / 100.0
    index = pd.DatetimeIndex(days.astype("datetime64[D]"), name="day")
    return pd.Series(price, index, name="oil_price")
