"""Programs that measure the zoo through its public names; each writes a record to benchmarks/results/."""
