"""What feeds a training loop: batches that can be taken up again, and how far it is."""
