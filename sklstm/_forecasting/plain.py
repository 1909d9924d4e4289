"""pandas objects as arrays, numbers and strings, for files that outlive a version of pandas.

A plain form is a dict with the key "form". What has no plain form stays as it is: only pickle can
save it then. Each form is read back at once, and used only if it gives the same again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Plain = dict[str, Any]


def step_as_plain(step: Any) -> Any:
    """Return the step of a time axis, an int or an offset of pandas, in plain form."""
    import pandas as pd

    if not isinstance(step, pd.tseries.offsets.BaseOffset):
        return step
    if type(step) is pd.DateOffset:  # its frequency string cannot be read back
        form: Plain = {"form": "date offset", "n": step.n, **step.kwds}
    else:
        form = {"form": "offset", "freq": step.freqstr}
    return form if _gives(step_from_plain, form, lambda again: again == step) else step


def step_from_plain(form: Any) -> Any:
    """Return the step that has a plain form."""
    import pandas as pd

    if not is_plain(form):
        return form
    if form["form"] == "date offset":
        given = {name: value for name, value in form.items() if name not in ("form", "n")}
        return pd.DateOffset(form["n"], **given)
    return pd.tseries.frequencies.to_offset(form["freq"])


def index_as_plain(index: Any) -> Any:
    """Return an index of any kind in plain form."""
    import pandas as pd

    form: Plain = {"names": list(index.names)}
    if isinstance(index, pd.MultiIndex):
        levels = [index_as_plain(level) for level in index.levels]
        codes = [np.asarray(code) for code in index.codes]
        form |= {"form": "levels", "levels": levels, "codes": codes}
    elif isinstance(index, pd.RangeIndex):
        form |= {"form": "range", "start": index.start, "stop": index.stop, "step": index.step}
    elif isinstance(index, pd.PeriodIndex):
        form |= {"form": "periods", "ordinals": index.asi8, "freq": index.freqstr}
    elif isinstance(index, pd.DatetimeIndex):
        zone = None if index.tz is None else str(index.tz)
        form |= {"form": "times", "values": index.asi8, "unit": index.unit, "zone": zone}
        form["freq"] = step_as_plain(index.freq)
    elif isinstance(index, pd.CategoricalIndex):
        form |= {"form": "categories", "codes": np.asarray(index.codes)}
        form |= {"categories": index_as_plain(index.categories), "ordered": bool(index.ordered)}
    else:
        form |= {"form": "values", "values": index.to_list(), "dtype": str(index.dtype)}
    return form if _gives(index_from_plain, form, lambda again: _same(again, index)) else index


def index_from_plain(form: Any) -> Any:
    """Return the index that has a plain form."""
    import pandas as pd

    if not is_plain(form):
        return form
    kind, names = form["form"], form["names"]
    if kind == "levels":
        levels = [index_from_plain(level) for level in form["levels"]]
        return pd.MultiIndex(levels, form["codes"], names=names)
    if kind == "range":
        return pd.RangeIndex(form["start"], form["stop"], form["step"], name=names[0])
    if kind == "periods":
        return pd.PeriodIndex.from_ordinals(form["ordinals"], freq=form["freq"], name=names[0])
    if kind == "times":
        times = pd.DatetimeIndex(form["values"].view(f"M8[{form['unit']}]"))
        if form["zone"] is not None:
            times = times.tz_localize("UTC").tz_convert(form["zone"])
        return pd.DatetimeIndex(times, freq=step_from_plain(form["freq"]), name=names[0])
    if kind == "categories":
        dtype = pd.CategoricalDtype(index_from_plain(form["categories"]), form["ordered"])
        values = pd.Categorical.from_codes(form["codes"], dtype=dtype)
        return pd.CategoricalIndex(values, name=names[0])
    return pd.Index(form["values"], dtype=form["dtype"], name=names[0], tupleize_cols=False)


def template_as_plain(template: Any) -> Any:
    """Return an empty Series or DataFrame in plain form."""
    if template.index.nlevels > 1:  # the levels hold all labels and times, for nothing
        template = template.set_axis(template.index.remove_unused_levels())
    form: Plain = {"index": index_as_plain(template.index)}
    if template.ndim == 1:
        form |= {"form": "series", "name": template.name, "dtypes": [str(template.dtype)]}
    else:
        form |= {"form": "frame", "columns": index_as_plain(template.columns)}
        form["dtypes"] = [str(dtype) for dtype in template.dtypes]

    def same(again: Any) -> bool:
        return bool(again.equals(template)) and _same(again.index, template.index)

    return form if _gives(template_from_plain, form, same) else template


def template_from_plain(form: Any) -> Any:
    """Return the Series or DataFrame that has a plain form."""
    import pandas as pd

    if not is_plain(form):
        return form
    index = index_from_plain(form["index"])
    if form["form"] == "series":
        return pd.Series([], index, dtype=form["dtypes"][0], name=form["name"])
    empty = [pd.Series([], index, dtype=dtype) for dtype in form["dtypes"]]
    frame = pd.concat(empty, axis=1)
    frame.columns = index_from_plain(form["columns"])
    return frame


def is_plain(form: Any) -> bool:
    """Whether something is a plain form."""
    return isinstance(form, dict) and "form" in form


def _gives(read: Any, form: Plain, is_right: Any) -> bool:
    """Whether a form can be read back, and gives what is right."""
    try:
        return bool(is_right(read(form)))
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError):
        return False


def _same(one: Any, other: Any) -> bool:
    """Whether two indexes are equal, dtype, names and frequency included."""
    freq = getattr(one, "freq", None) == getattr(other, "freq", None)
    if one.nlevels > 1 and one.nlevels == other.nlevels:
        pairs = zip(one.levels, other.levels, strict=True)
        if not all(_same(level, level_of_other) for level, level_of_other in pairs):
            return False
    return bool(
        type(one) is type(other)
        and one.equals(other)
        and one.dtype == other.dtype
        and one.names == other.names
        and freq
    )
