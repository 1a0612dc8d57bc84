"""Settings of models, training and sampling, and the planner that chooses those left open."""
