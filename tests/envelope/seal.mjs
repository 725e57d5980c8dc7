// Seals and opens with AWS's SDK for JavaScript: one JSON request a line on standard input, one answer a line.
import { createInterface } from 'node:readline'
import {
  AlgorithmSuiteIdentifier, buildClient, CommitmentPolicy, getClient, KMS, KmsKeyringNode, RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node'

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const raw = new RawAesKeyringNode({
  keyName: 'first', keyNamespace: 'tests', unencryptedMasterKey: Uint8Array.from({ length: 32 }, (_, n) => n),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
})
const clientProvider = getClient(KMS, {
  endpoint: process.env.AWS_ENDPOINT_URL,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
})
const keyrings = { raw, kms: new KmsKeyringNode({ clientProvider, generatorKeyId: process.env.KEY_ARN }) }
const suites = {
  478: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
  578: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
}

for await (const line of createInterface({ input: process.stdin })) {
  const { verb, keyring, suite, frame, context, data } = JSON.parse(line)
  const bytes = Buffer.from(data, 'base64')
  const answer = verb === 'encrypt'
    ? (await encrypt(keyrings[keyring], bytes, { suiteId: suites[suite], frameLength: frame, encryptionContext: context })).result
    : (await decrypt(keyrings[keyring], bytes)).plaintext
  process.stdout.write(Buffer.from(answer).toString('base64') + '\n')
}
