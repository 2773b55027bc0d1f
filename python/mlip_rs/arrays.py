"""Types of arrays that many modules share."""
