"""Nothing that was issued or presented lies about afterwards: not in the folder, not in what was written to the terminal."""

import json

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from issuer import Issuer
from keystead.testing import running


def test_no_secret_token_or_jwt_is_found_in_the_whole_output_of_a_run(tmp_path, capfd):
    issued = []
    with Issuer(tmp_path) as issuer, running(oidc_ca=str(issuer.authority)) as house:
        iam, sts = house.client("iam"), house.client("sts")
        iam.create_user(UserName="ann")
        issued.append(iam.create_access_key(UserName="ann")["AccessKey"]["SecretAccessKey"])
        provider = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["app"])
        trust = [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
                "Action": "sts:AssumeRoleWithWebIdentity",
            },
            {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:AssumeRole"},
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        asked = {"RoleArn": role, "RoleSessionName": "s1"}
        unsigned = boto3.client(
            "sts", endpoint_url=house.endpoint_url, region_name=house.region, config=Config(signature_version=UNSIGNED)
        )
        good, bad = issuer.token(), issuer.token(aud="other")
        with pytest.raises(ClientError):
            unsigned.assume_role_with_web_identity(**asked, WebIdentityToken=bad)
        sessions = [
            sts.assume_role(**asked),
            sts.get_session_token(),
            sts.get_federation_token(Name="guest"),
            unsigned.assume_role_with_web_identity(**asked, WebIdentityToken=good),
        ]
        for one in sessions:
            house.client("sts", one["Credentials"]).get_caller_identity()
            issued += [one["Credentials"]["SecretAccessKey"], one["Credentials"]["SessionToken"]]
        issued += [part for token in (good, bad) for part in token.split(".")[1:]]
        house.do_what_falls_due()
        files = {path: path.read_bytes() for path in house.data.rglob("*") if path.is_file()}
    written = capfd.readouterr()

    assert len(files) > 5
    assert [path for path, raw in files.items() for one in issued if one.encode() in raw] == []
    assert [one for one in issued if one in written.out + written.err] == []
