"""Measures of the shape of the code in any checkout; of the rooms they know `cli` and `wiring` alone."""
