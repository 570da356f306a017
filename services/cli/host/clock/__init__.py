"""`grillo clock`: whether a service's wall clock is in doubt, and accepting it as it is."""
