"""The server side of the XKS Proxy API: keys of a Keystead as external keys of AWS KMS, or of another Keystead."""
