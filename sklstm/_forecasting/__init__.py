"""What the forecaster is made of, one idea a file; nothing here is an estimator."""
