"""What unlocks the root key when a keyholder starts. A seal wraps the root key and leaves everything below it alone.

The tag, or the check, in a seal's file is the check value: a wrong passphrase or token is noticed, and nothing is changed. A
file seal on the disk that also holds the data protects a copy of the database, not a stolen machine.
"""

from keystead.keyholder.seals.file import FileSeal, key_file
from keystead.keyholder.seals.fitting import fitting, given
from keystead.keyholder.seals.passphrase import PassphraseSeal
from keystead.keyholder.seals.pkcs11 import Pkcs11Seal
from keystead.keyholder.seals.root_keys import made, opened, unseal, write_new
from keystead.keyholder.seals.seal import Seal
from keystead.keyholder.seals.seal_file import FILE, SEAL_FILE, SealFile, load, parsed

__all__ = [
    "FILE", "SEAL_FILE", "FileSeal", "PassphraseSeal", "Pkcs11Seal", "Seal", "SealFile",
    "fitting", "given", "key_file", "load", "made", "opened", "parsed", "unseal", "write_new",
]  # fmt: skip  # a list of names
