"""The regression problem of a fit: basis, data, weights and folds, checked before anything is computed."""
