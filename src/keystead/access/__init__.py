"""Who may do what, and why: pure rules over policies and requests. No I/O, no clock but the one in the request."""
