"""
Patient records: who will die within two years?
===============================================

The 312 patients of these records had a chronic disease of the liver. The time between two visits
varies, not everything was measured at each, and age and sex do not change. All that goes in as it
is: `missing="mask"` reads the gaps, `time_gaps=True` the time between visits, and `static_features`
names what holds for the whole patient.

At every visit the network predicts whether the patient will die within two years, from this visit
and all before it.
"""

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, Sequences
from sklstm.datasets import load_liver_records

visits = load_liver_records()
print(visits[["patient", "day", "age", "bilirubin", "cholesterol", "albumin"]].head(6))
days = visits.groupby("patient")["day"].diff().dropna()
print(f"Days between two visits: {days.min():.0f} to {days.max():.0f}")
print(f"Cholesterol is missing at {visits['cholesterol'].isna().mean():.0%} of the visits")

# %%
# The target is known at a visit if the patient died later or was seen two years later. Visits of
# which it is not known are left out; they are the last ones of a patient. Values that vary by
# factors go in as logarithms.
two_years = 730
days_left = visits["followed"] - visits["day"]
died = visits["outcome"] == "died"
visits["dies"] = (died & (days_left <= two_years)).astype(int)
visits = visits[died | (days_left > two_years)].reset_index(drop=True)
skewed = ["bilirubin", "cholesterol", "alkaline_phosphatase", "ast", "prothrombin_time"]
visits[skewed] = np.log(visits[skewed])

static = ["age", "female", "treated"]
measured = ["bilirubin", "cholesterol", "albumin", "alkaline_phosphatase", "ast", "platelets"]
measured += ["prothrombin_time", "ascites", "hepatomegaly", "spiders", "edema"]
X = Sequences.from_frame(
    visits,
    sample="patient",
    time="day",
    target="dies",
    channels=static + measured,
    return_sequences=True,
    missing="mask",
)
print(
    f"{len(X)} patients, {len(visits)} visits, {visits['dies'].mean():.0%} of them before a death"
)

# %%
# Compare with the obvious baseline: a logistic regression on the values of the visit, where a gap
# is the last value of the patient, or else the mean. Cross-validation leaves out whole patients.
table = visits[static + measured].copy()
table[measured] = visits.groupby("patient")[measured].ffill()
y = visits["dies"].to_numpy()
row_of_patient = pd.factorize(visits["patient"])[0]
folds = list(KFold(5, shuffle=True, random_state=0).split(np.arange(len(X))))


def predict_by_visit() -> np.ndarray:
    """Predict by a logistic regression that knows one visit at a time."""
    risk = np.zeros(len(y))
    for train, test in folds:
        model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.05))
        known, new = np.isin(row_of_patient, train), np.isin(row_of_patient, test)
        risk[new] = model.fit(table[known], y[known]).predict_proba(table[new])[:, 1]
    return risk


def predict_by_history(time_gaps: bool) -> np.ndarray:
    """Predict by a network that reads the visits up to each one, but none after it.

    `bidirectional=False` alone is not enough: by default the values are also scaled by the mean of
    their sequence, in which are visits that are still to come.
    """
    risk = np.zeros(len(y))
    for train, test in folds:
        model = LSTMClassifier(
            hidden_size=16,
            max_iter=25,
            bidirectional=False,
            scale="channel",
            return_sequences=True,
            missing="mask",
            time_gaps=time_gaps,
            static_features=static,
            random_state=0,
        )
        model.fit(X[train], X[train].target)
        predicted = np.concatenate(list(model.predict_proba(X[test])))
        risk[np.isin(row_of_patient, test)] = predicted[:, 1]
    return risk


risks = {
    "logistic regression, this visit": predict_by_visit(),
    "LSTM, order of visits": predict_by_history(time_gaps=False),
    "LSTM, times of visits": predict_by_history(time_gaps=True),
}
risks["mean of first and last"] = (
    risks["logistic regression, this visit"] + risks["LSTM, times of visits"]
) / 2
print(f"{'':<32} {'ROC AUC':>8} {'log loss':>9}")
for name, risk in risks.items():
    print(f"{name:<32} {roc_auc_score(y, risk):>8.3f} {log_loss(y, risk):>9.3f}")

# %%
# Most of what can be known is in the last values: the network alone does not beat the regression,
# whose probabilities are also better. The history is worth something nevertheless, since the mean
# of the two is better than either. The times between visits help the network a little. With 312
# patients, differences below .01 are no proof.
#
# The figure shows how the risk develops from visit to visit, for the patients with the most visits.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, (left, right) = plt.subplots(
        ncols=2, figsize=(11, 4.5), layout="constrained", width_ratios=[1.6, 1]
    )
    visits["risk"] = risks["LSTM, times of visits"]
    for outcome, colour in (("alive", "#0072B2"), ("died", "#D55E00")):
        some = visits[visits["outcome"] == outcome]
        most = some["patient"].value_counts(sort=True).index[:12]
        for k, patient in enumerate(sorted(most)):
            record = some[some["patient"] == patient]
            label = f"{outcome} in the end" if k == 0 else None
            left.plot(record["day"] / 365.25, record["risk"], color=colour, alpha=0.7, label=label)
            if outcome == "died":
                left.plot(
                    record["day"].iloc[-1] / 365.25, record["risk"].iloc[-1], "o", color=colour
                )
    left.set(xlabel="years since the first visit", ylabel="predicted risk of death in two years")
    left.set(title="Twelve patients who lived, twelve who died (dot: last visit)", ylim=(0, 1))
    left.legend()
    names = [name.replace(", ", ",\n") for name in risks]
    scores = [roc_auc_score(y, risk) for risk in risks.values()]
    right.barh(names, scores, color=["0.6", "#56B4E9", "#0072B2", "#009E73"])
    for row, score in enumerate(scores):
        right.text(score, row, f" {score:.3f}", va="center")
    right.set(xlim=(0.8, 0.95), xlabel="area under the ROC curve, cross-validated")
    right.invert_yaxis()
    plt.show()
