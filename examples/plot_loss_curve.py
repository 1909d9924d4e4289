"""
When to stop: loss and validation score of each epoch
=====================================================

With `early_stopping=True` a part of the training data is held out, and the parameters of the epoch
with the best score on it are kept. `LossCurveDisplay` shows both curves and that epoch.
"""

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels
from sklstm.inspection import LossCurveDisplay

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
model = LSTMClassifier(early_stopping=True, max_iter=60, branch=None, random_state=0)
model.fit(X_train, y_train)
print(f"{model.n_iter_} epochs were run")
print(f"The best accuracy on the held-out part was {model.best_validation_score_:.3f}")
print(f"Accuracy on the test set: {model.score(X_test, y_test):.3f}")

# %%
# Plot the curves, if matplotlib is installed. The loss falls by more than a factor of ten, so
# its axis is logarithmic.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    LossCurveDisplay.from_estimator(model)
    plt.show()
