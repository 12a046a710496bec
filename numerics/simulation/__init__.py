"""Monte Carlo simulation of any drift, noise and interpretation: one reproducible stream per path."""
