"""What a run leaves: records, predictions, and the store that keeps them."""
