"""Overview: networks and sensors as people look at them, with how they are and the last minute of each."""
