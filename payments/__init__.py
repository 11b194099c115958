"""What a payment channel can do (`port`), and the channels themselves. Knows nothing of orders or courts."""
