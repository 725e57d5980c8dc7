"""AWS's operations, one function each; AWS's words appear only here."""
