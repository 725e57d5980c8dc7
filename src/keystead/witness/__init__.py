"""`keystead witness`: a small server, apart from any installation, that cosigns the checkpoints of logs it knows."""
