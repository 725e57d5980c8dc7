"""What an enclave says about itself, signed by its hypervisor: read, and believed only up to a trusted root."""
