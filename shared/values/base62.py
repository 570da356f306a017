"""Base62: whole numbers as digits and ASCII letters, zero-padded."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number: int, characters: int) -> str:
    """Big-endian, zero-padded. Raises OverflowError when the number needs more characters."""
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    if number:
        raise OverflowError(f"needs more than {characters} base62 characters")
    return "".join(reversed(digits))
