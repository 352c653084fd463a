"""Claims of a blueprint: what they say, what bears them out, and when they are promoted."""
