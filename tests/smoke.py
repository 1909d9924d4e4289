"""Whether an installed package is whole: all bundled data, and a fit of each estimator.

    python tests/smoke.py

It needs what the package itself needs and no more. The package beside this folder is not seen.
"""

from importlib.resources import files

import sklstm
from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor, datasets


def main():
    print(f"sklstm {sklstm.__version__} in {files(sklstm)}")
    assert files(sklstm).joinpath("py.typed").is_file()
    for name in datasets.__all__:
        if name.startswith("load_"):
            assert len(getattr(datasets, name)()) > 0, name

    X, y = datasets.load_japanese_vowels(return_X_y=True, subset="train")
    accuracy = LSTMClassifier(max_iter=5, random_state=0).fit(X, y).score(X, y)
    X, y = datasets.load_tecator(return_X_y=True, subset="train")
    r2 = LSTMRegressor(max_iter=20, random_state=0).fit(X, y).score(X, y)
    passengers = datasets.load_air_passengers()
    forecast = LSTMForecaster(horizon=12, random_state=0).fit(passengers).predict()
    print(f"accuracy {accuracy:.2f}, R2 {r2:.2f}, forecast {forecast.iloc[0]}")
    assert accuracy > 0.9
    assert r2 > 0.8
    assert len(forecast) == 12
    assert forecast.gt(passengers.min()).all()


if __name__ == "__main__":
    main()
