"""Issuers whose tokens anybody can have: a role that trusts one must say whose tokens it means.

Source: IAM user guide, identity-provider controls for shared OIDC providers; the text of the refusal is recorded.
"""

import re
from typing import Final

from keystead.access.document import Statement, Test

SUBJECT: Final = ("sub",)
KEYS: Final = {
    #  issuer                                                claims, one of which must be tested
    "token.actions.githubusercontent.com":                  ("sub", "job_workflow_ref"),
    "vstoken.actions.githubusercontent.com":                SUBJECT,
    "oidc-configuration.audit-log.githubusercontent.com":   SUBJECT,
    "gitlab.com":                                           SUBJECT,
    "agent.buildkite.com":                                  SUBJECT,
    "oidc.circleci.com":                                    SUBJECT,
    "oidc.codefresh.io":                                    SUBJECT,
    "app.terraform.io":                                     SUBJECT,
    "scalr.io":                                             SUBJECT,
    "tokens.cloud.shisho.dev":                              SUBJECT,
    "proidc.upbound.io":                                    SUBJECT,
    "studio.datachain.ai/api":                              SUBJECT,
    "api.pulumi.com/oidc":                                  ("aud",),
    "sandboxes.cloud":                                      ("aud",),
    "oidc.vercel.com":                                      ("aud",),
    "cognito-identity.amazonaws.com":                       ("aud",),
}  # fmt: skip  # a table
OPERATORS: Final = ("StringEquals", "StringLike", "StringEqualsIgnoreCase")
OF_EVERYBODY: Final = re.compile(r"(?:[a-z_]+:)?[*?].*|", re.DOTALL)
"""`*`, and `repo:*` too, which says no more (ours: AWS is known to refuse the first)."""


def unscoped(statement: Statement) -> tuple[str, str] | None:
    """(provider's ARN, the keys of which one is needed) for an Allow that trusts everybody who has a token."""
    if statement.denies or statement.principals is None:
        return None
    for provider in statement.principals.federated:
        issuer = provider.partition("oidc-provider/")[2]
        keys = [f"{issuer}:{claim}" for claim in KEYS.get(issuer.lower(), ())]
        if keys and not any(scopes(test, keys) for test in statement.tests):
            return provider, " or ".join(keys)
    return None


def scopes(test: Test, keys: list[str]) -> bool:
    if test.operator not in OPERATORS or test.if_exists or test.quantifier is not None:
        return False
    wanted = {key.lower() for key in keys}
    return test.key in wanted and not any(OF_EVERYBODY.fullmatch(value) for value in test.values)
