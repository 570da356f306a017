"""Rows of auth that give or take power, with a checksum each, and the patrol that looks whether they are as written."""
