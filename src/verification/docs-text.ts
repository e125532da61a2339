/** The prose of docs/providers.md; the tables between its parts are made from the source types. */

export const INTRODUCTION = `# Providers

Sluice knows how each provider below signs its webhooks, what it asks before it sends anything, what response it
expects, and which id marks a repeated delivery. You choose the provider as the \`type\` of a source. This page shows how
to set up one provider, and then lists all of them.

This page is generated from the tables that the gateway verifies with. Change those, not this page.`;

export const SETUP = `## Set up a provider, step by step

The example is GitHub. Every other provider works in the same way: look up its fields in the table of types below.

**1. Create a source with the provider's secret, and connect it to a destination.** \`webhook_secret_key\` is the secret
that you also enter at GitHub. Some providers generate the secret themselves: then copy it from there. **Without it,
nothing is verified**: Sluice accepts whatever arrives, and the source shows \`"authenticated": false\`.

\`\`\`sh
URL=http://127.0.0.1:8300
KEY=$(npm run --silent sluice key)
curl -X POST $URL/2026-09-01/connections -H "authorization: Bearer $KEY" -H 'content-type: application/json' -d '{
  "name": "github-to-ci",
  "source": { "name": "github", "type": "GITHUB", "config": { "auth": { "webhook_secret_key": "a long random text" } } },
  "destination": { "name": "ci", "config": { "url": "https://ci.example.com/hooks" } }
}'
\`\`\`

The response contains \`source.url\`, for example \`http://127.0.0.1:8300/in/src_…\`. Replace the URL of the destination
with your own; to try the source alone, use \`"destination": { "name": "ci", "type": "MOCK_API" }\`, which accepts everything.

**2. Make Sluice reachable from the internet.** Put a proxy with TLS in front of it and set \`PUBLIC_URL\`, so that
\`source.url\` shows the address that the provider must call: see [operations](operations.md#behind-a-proxy).

**3. Enter the URL and the secret at the provider.** At GitHub: _Settings → Webhooks → Add webhook_, payload URL
\`source.url\`, content type \`application/json\`, and the same secret. If the provider asks a question to check the URL,
Sluice answers it: see [handshakes](sources.md#handshakes).

**4. Check that requests are verified.** GitHub sends a \`ping\` as soon as the webhook is saved. You can also send a
signed request yourself:

\`\`\`sh
BODY='{"zen":"Keep it logically awesome."}'
SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac 'a long random text' | sed 's/.*= //')
curl -X POST $URL/in/github -H 'content-type: application/json' -H "x-hub-signature-256: sha256=$SIGNATURE" -H 'x-github-event: ping' -d "$BODY"
curl "$URL/2026-09-01/requests?limit=1" -H "authorization: Bearer $KEY"
\`\`\`

The request shows \`"verified": true\`. If it shows \`"rejection_cause": "VERIFICATION_FAILED"\`, read its
\`rejection_detail\`: the [list of reasons](sources.md#reasons-and-what-to-do-about-each) says what to do about each. After
you have corrected the secret, \`POST /requests/{id}/retry\` verifies the stored request again.

**5. Keep the secret up to date.** To rotate it, add the old secret to \`previous_secrets\`: see
[secrets](sources.md#secrets).

### If your provider is not listed

Use the type \`WEBHOOK\` and choose in \`auth_type\` how requests are verified. \`HMAC\` covers most providers: it takes the
header, the algorithm, the encoding and the signed content as settings.

\`\`\`sh
curl -X POST $URL/2026-09-01/sources -H "authorization: Bearer $KEY" -H 'content-type: application/json' -d '{
  "name": "acme", "type": "WEBHOOK",
  "config": { "auth_type": "HMAC", "auth": {
    "webhook_secret_key": "a long random text", "header_key": "x-acme-signature",
    "algorithm": "sha256", "encoding": "hex", "signed_content": "{header:x-acme-timestamp}.{body}" } }
}'
\`\`\`

[Signed content](#signed-content) at the end of this page lists what \`signed_content\` can contain.`;

export const TYPES = `## Types

| column | meaning |
| --- | --- |
| Verification | What Sluice checks. **generic**: the provider's scheme is not known for certain, so the fields describe it (\`header_key\`, \`algorithm\`, \`encoding\`, \`signed_content\`, …); take the values from the provider's documentation |
| Fields of \`auth\` | What you enter in \`config.auth\`. A question mark marks an optional field. Without \`auth\` nothing is verified |
| Time | The unit of the signed timestamp, and how old or early it may be |
| Same delivery | The id that marks a repeated delivery |
| Handshake | The question of the provider that Sluice answers |
| Unverified | The status that Sluice responds with if verification fails. The request is kept, with the reason. \`unverified_status\` overrides it |

Every type that verifies also takes these fields: \`tolerance_seconds\` (how far the sender's clock and its retries may be
off; 0 for no limit; for a JWT the leeway of its times, 0 for none), \`replay_protection\`, \`previous_secrets\` (secrets that
stay valid until their \`not_after\`), and, if the provider signs its URL, \`registered_url\`.`;

export const WAYS = `## Verification methods for \`WEBHOOK\` and \`HTTP\`

Sources of these two types name the method in \`auth_type\`. \`WEBHOOK\` also accepts the name of any type above.`;

export const IDS = `## The same delivery

Providers send a delivery again if they are not sure that it arrived. Sluice treats a request as a repeat if its id is
the same, together with everything in the column "and the same". If the provider does not promise that an id is unique,
the body must be the same too. A request that contains several events (\`*\`) is a repeat if it contains the same events.
Values that change between two deliveries, such as a count of attempts, are ignored.`;

const REASONS_PAGE = 'sources.md#reasons-and-what-to-do-about-each';

export const REASONS = `## Reasons

A request that fails verification names one of these reasons in \`rejection_detail\`, with a hint if a cheap test could
find a common mistake. [Sources](${REASONS_PAGE}) says what to do about each.`;

export const SIGNED_CONTENT = `## Signed content

\`signed_content\` is a template of what the signature covers. Everything in braces is replaced; all other characters
stand for themselves. For example, \`{header:x-acme-timestamp}.{body}\` is the value of that header, a dot, and the raw body.`;
