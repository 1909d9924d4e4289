"""Training: minibatches on threads, epochs, stopping, history."""
