"""Carbon dioxide on Mauna Loa and the temperature of the Pacific, month by month."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils._param_validation import validate_params

_PATH = Path(__file__).parent / "data" / "mauna_loa.npz"


@validate_params({"return_y_X": ["boolean"]}, prefer_skip_nested_validation=True)
def load_mauna_loa(*, return_y_X: bool = False) -> Any:
    """Load the monthly carbon dioxide in the air on Mauna Loa, 1958 to 2001.

    ============   ===========================================
    Observations   526, monthly, of which 5 are missing (NaN)
    Values         313.4 - 373.8 ppm
    Season         12
    Exogenous      temperature of the sea off Peru
    ============   ===========================================

    Parameters
    ----------
    return_y_X : bool, default=False
        Whether to return the temperature of the sea as well.

    Returns
    -------
    y : Series
        The carbon dioxide in parts per million, with a monthly PeriodIndex.
    (y, X) : tuple, if `return_y_X` is True
        The carbon dioxide, and a DataFrame with the same index and the column sea_temperature, in
        degrees Celsius: the mean of the Pacific between 0 and 10 degrees South and 90 and 80
        degrees West, known as Nino 1+2. It is high in a year of El Niño.

    Notes
    -----
    Both series are in the public domain: carbon dioxide from [1]_, averaged over the weeks of a
    month, temperatures from [2]_. See ``data/mauna_loa.rst`` in the folder of this module.

    References
    ----------
    .. [1] Keeling, C. D. and Whorf, T. P. (2004). Atmospheric CO2 concentrations derived from flask
       air samples at sites in the SIO network. In Trends: A Compendium of Data on Global Change.
       Oak Ridge National Laboratory, U.S. Department of Energy.
    .. [2] National Oceanic and Atmospheric Administration, National Weather Service. ERSST.V3B,
       Nino 1+2. http://www.cpc.ncep.noaa.gov/data/indices/

    Examples
    --------
    >>> from sklstm.datasets import load_mauna_loa
    >>> y, X = load_mauna_loa(return_y_X=True)
    >>> y["2001-12"], X.loc["2001-12", "sea_temperature"]
    (np.float64(371.02), np.float64(21.73))
    """
    import pandas as pd

    with np.load(_PATH) as archive:
        hundredths = archive["co2"]
        values = np.where(hundredths < 0, np.nan, hundredths / 100.0)
        temperature = archive["sea_temperature"] / 1000.0
    index = pd.period_range("1958-03", periods=len(values), freq="M")
    y = pd.Series(values, index, name="co2")
    return (y, pd.DataFrame({"sea_temperature": temperature}, index)) if return_y_X else y
