"""The adapters pass the test suites of sktime and aeon."""
