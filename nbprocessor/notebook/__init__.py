"""Reading notebooks as processes; never runs them."""
