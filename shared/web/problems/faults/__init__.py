"""What is wrong with a request, in the reader's language. Start with translation.py."""
