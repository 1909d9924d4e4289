"""The parts of a network and of its training, each an object with its own hyper-parameters."""
