"""Which distances and local densities the training data contain, and where the repulsion may begin beyond them."""
