"""The pieces of the vector generator."""
