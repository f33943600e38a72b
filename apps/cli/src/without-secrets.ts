/** Each finds one kind of secret in a line of text or JSON; what the groups hold stays. */
const secrets: readonly (readonly [RegExp, string])[] = [
  // A key of a lake: its id is no secret.
  [/\b(mtk_[0-9a-f]{16}_)[\w-]{20,}/g, '$1…'],
  // User and password of an address.
  [/\b([a-z][a-z\d+.-]*:\/\/)[^/\s"'\\]*@/gi, '$1…@'],
  // Signed addresses of object stores, and our own.
  [
    /([?&](?:X-(?:Amz|Goog)-(?:Signature|Credential|Security-Token)|Signature|sig|token|api_?key)=)[^&\s"'\\]+/gi,
    '$1…',
  ],
  [/(\/v1\/(?:downloads|tus)\/)[^\s"'\\]+/gi, '$1…'],
  [/\b((?:Bearer|Basic) +)[\w+/=.~-]{6,}/gi, '$1…'],
  // Fields, as they stand in JSON.
  [
    /("(?:authorization|x-api-key|cookie|set-cookie|api_key|password|secret|secret_sha256|finalize_token|purge_secret|token)":")[^"]+/gi,
    '$1…',
  ],
]

/** A line of a log without what must not stand in one. Nothing should write it there; this is the net below. */
export function withoutSecrets(line: string): string {
  let text = line
  for (const [pattern, rest] of secrets) text = text.replace(pattern, rest)
  return text
}
