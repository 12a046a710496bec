"""How big it is: arbitrary precision, certified balls and Monte Carlo simulation."""
