"""What the processes of a node count and measure, and how Prometheus gets to see it."""
