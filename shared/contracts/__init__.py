"""What services tell each other: public shapes, which only ever gain fields."""
