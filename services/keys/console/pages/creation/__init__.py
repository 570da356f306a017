"""What the form of a new key begins with: a template, another key's settings or a link; and its expiry."""
