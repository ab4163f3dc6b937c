"""What engines print as they start, and the commands that start them."""
