"""State of the system: main figures of all services, as their processes measure them, and the page that draws them."""
