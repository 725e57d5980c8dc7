"""AWS's protocols as pure functions of values: models, codecs, constraints, signatures. No I/O, no clock."""
