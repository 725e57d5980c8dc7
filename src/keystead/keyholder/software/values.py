"""Values under a data key of their own, which nobody outside the keyholder sees."""

import hmac

from keystead.keyholder import values
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused
from keystead.keyholder.promise import Material
from keystead.keyholder.sealing import KEY_LENGTH, wipe
from keystead.keyholder.software.data_keys import DataKeys


class Values(DataKeys):
    """A data key is opened again before anything is sealed under it."""

    def seal_value(self, material: Material, value: bytes, context: bytes, kind: bytes) -> tuple[bytes, bytes]:
        if not 1 <= len(value) <= values.VALUE_LIMIT or len(kind) > values.KIND_LIMIT:
            raise RequestRefused
        data_key, blob = self.generate_data_key(material, KEY_LENGTH, context)
        opened = self.decrypt(material, blob, context)
        try:
            if not hmac.compare_digest(opened, data_key):
                raise CiphertextInvalid
            return blob, values.seal_value(data_key, context, kind, value)
        finally:
            wipe(opened)
            wipe(data_key)

    def open_value(self, material: Material, blob: bytes, sealed: bytes, context: bytes, kind: bytes) -> bytes:
        if len(sealed) > values.VALUE_LIMIT + values.OVERHEAD or len(kind) > values.KIND_LIMIT:
            raise CiphertextInvalid
        data_key = self.decrypt(material, blob, context)
        try:
            return values.open_value(data_key, context, kind, sealed)
        finally:
            wipe(data_key)
