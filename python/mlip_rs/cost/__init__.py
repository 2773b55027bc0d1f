"""What an evaluation costs: predicted from the features, planned by the compiled evaluator, measured."""
