"""Views of an organisation as a whole: its keys in numbers, and those that need somebody."""
