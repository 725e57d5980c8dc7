"""What the rules raise, in the domain's words."""


class AccessDenied(Exception):
    """The caller may not. `text` is safe to send: it names the principal, the action, the resource and the kind of policy."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PolicyMalformed(Exception):
    """A policy document that cannot be kept. `text` is AWS's own wording."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
