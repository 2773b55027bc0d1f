"""What each command does, in one call."""
