"""Where it is told: channels, and deliveries that are tried until they are received or given up."""
