"""The whole house in one process, for tests: real cryptography, policies and trail, no fixed port, nothing left behind.

    def test_my_service(keystead):                     # the pytest fixture comes with the package
        kms = keystead.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]

It is the same code that serves; only the processes are missing, and with them the protection that they give.
"""

from keystead.testing.house import Keystead, running

__all__ = ["Keystead", "running"]
