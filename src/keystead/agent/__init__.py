"""The local agent that AWS clients know on 127.0.0.1:2773: cached reads of secrets, for processes of one machine."""
