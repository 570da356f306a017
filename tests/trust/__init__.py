"""A package, so that the systems under test stop when its last test is done, and slow no other test down."""
