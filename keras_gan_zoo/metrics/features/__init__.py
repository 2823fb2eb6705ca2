"""Feature extractors, and the weights of those small enough to be shipped."""
