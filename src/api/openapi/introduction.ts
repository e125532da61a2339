/** What a reader should know before the first call. */
export const INTRODUCTION = `Sluice is a self-hosted event gateway. Sources accept webhooks and published events, connections route them, and destinations receive them.

**Authentication.** Send an API key as a bearer token, or as the user name of Basic authentication. \`npm run sluice key\` shows the first key.

**Bodies** are JSON in UTF-8, at most 1 MB. Unknown fields and parameters are rejected with 422. In a change, a field that is left out stays as it is, and \`null\` resets it. A \`delivery_policy\` is one such field: a new one replaces all of the old one.

**Ids** begin with their kind (\`src_\`, \`des_\`, \`web_\`, \`req_\`, \`evt_\`, \`atm_\`, \`trs_\`) and sort by time. Fields named \`webhook_id\` hold the id of a connection. Times are UTC, in ISO 8601.

**Lists** return a page in \`models\`, with \`pagination.next\` as the \`next\` parameter of the following page. A filter takes a value, several values (\`status=FAILED&status=HOLD\`), bounds (\`created_at[gte]=2026-09-01T00:00:00Z\`, also \`gt\`, \`lt\`, \`lte\`), or \`[any]=true\` for whatever has a value. Where a filter cannot match anything yet, \`notes\` says so.

**Errors** have one shape: a \`code\` for machines, a \`message\` that says what to do, and \`data\`. A 422 lists every field that is wrong. Only 401 is plain text. A request whose headers exceed 16 kB gets 431.`;
