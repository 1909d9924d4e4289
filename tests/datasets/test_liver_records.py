from pathlib import Path

import numpy as np

from sklstm import datasets
from sklstm.datasets import load_liver_records

STATIC = ["age", "female", "treated", "followed", "outcome"]
FOLDER = Path(datasets.__file__).parent / "data"


def test_first_patient_has_the_published_values():
    visits = load_liver_records()
    first = visits.loc[0, ["patient", "day", "age", "bilirubin", "cholesterol", "albumin", "ast"]]
    assert first.tolist() == [1, 0, 58.8, 14.5, 261, 2.6, 138]
    assert (visits.loc[0, "outcome"], visits.loc[0, "followed"]) == ("died", 400)


def test_counts_are_as_documented():
    visits = load_liver_records()
    patients = visits.groupby("patient").first()
    assert (len(visits), len(patients)) == (1945, 312)
    assert patients["outcome"].value_counts().to_dict() == {
        "alive": 143,
        "died": 140,
        "transplanted": 29,
    }
    gaps = visits.isna().sum()
    assert gaps["cholesterol"] == 821
    assert gaps[gaps > 0].to_dict() == {
        "cholesterol": 821,
        "alkaline_phosphatase": 60,
        "platelets": 73,
        "ascites": 60,
        "hepatomegaly": 61,
        "spiders": 58,
    }


def test_visits_are_sorted_and_before_the_outcome():
    visits = load_liver_records()
    days = visits.groupby("patient")["day"]
    assert (days.first() == 0).all()
    assert (days.diff().dropna() > 0).all()
    assert (visits["day"] <= visits["followed"]).all()
    assert (visits.groupby("patient")[STATIC].nunique() == 1).all(axis=None)


def test_bilirubin_tells_who_dies():
    last = load_liver_records().groupby("patient").last()
    logarithms = np.log(last["bilirubin"]).groupby(last["outcome"]).mean()
    assert logarithms["died"] > logarithms["alive"] + 1.0


def test_licence_is_attached():
    assert "MIT License" in (FOLDER / "liver_records.rst").read_text("utf-8")
    assert (FOLDER / "liver_records.npz").stat().st_size < 50_000
