from collections import Counter
from pathlib import Path

from sklstm.datasets import load_surnames


def test_surnames():
    surnames = load_surnames()
    assert len(surnames.data) == len(set(surnames.data)) == 2400
    assert Counter(surnames.target) == dict.fromkeys(surnames.target_names, 300)
    assert all(2 <= len(name) <= 15 and name == name.strip() for name in surnames.data)
    assert load_surnames(return_X_y=True)[0] == surnames.data


def test_names_belong_to_their_language():
    names, languages = load_surnames(return_X_y=True)
    ends = Counter(
        language for name, language in zip(names, languages, strict=True) if name.endswith("nen")
    )
    assert ends.most_common(1)[0][0] == "Finnish"
    assert max(ends, key=ends.get) == "Finnish"
    ends = Counter(
        language for name, language in zip(names, languages, strict=True) if name.endswith("ić")
    )
    assert set(ends) == {"Croatian"}


def test_licence_is_attached():
    surnames = load_surnames()
    assert "Permission is hereby granted" in surnames.DESCR
    assert Path(surnames.filename).stat().st_size < 20_000
