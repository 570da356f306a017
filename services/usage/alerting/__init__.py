"""Who should know of what: rules (when), and the alerts that facts meeting them have raised."""
