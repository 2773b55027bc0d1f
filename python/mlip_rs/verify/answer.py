"""What a calculator says about a structure, and how answers are compared."""
