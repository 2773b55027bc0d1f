"""Style of all figures, and saving them."""
