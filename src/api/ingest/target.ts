/** Where an ingest request is addressed to; `path` begins with a slash or is empty, `query` has no question mark. */
export type Target = { source: string; path: string; query: string };

const PREFIX = '/in/';
const PUBLISH = '/v1/publish';

const FASTLY = '/.well-known/fastly/logging/challenge';

/** Whether a raw request URL belongs to ingest. */
export function isIngest(url: string): boolean {
  return url.startsWith(PREFIX) || isPublish(url) || isFastlyChallenge(url);
}

/** Whether a raw request URL is where Fastly asks whether logs may be sent to this domain. */
export function isFastlyChallenge(url: string): boolean {
  return url === FASTLY || url.startsWith(`${FASTLY}?`);
}

/** Whether a raw request URL is the Publish API's. */
export function isPublish(url: string): boolean {
  return url.startsWith(PUBLISH) && /^(?:[/?]|$)/.test(url.slice(PUBLISH.length));
}

/** Takes an ingest URL apart, keeping every character of path and query as it came. */
export function parseTarget(url: string): Target {
  const { path, query } = splitQuery(url.slice(PREFIX.length));
  const slash = path.indexOf('/');
  const source = slash === -1 ? path : path.slice(0, slash);
  return { source, path: slash === -1 ? '' : path.slice(slash), query };
}

export function parsePublishTarget(url: string): Omit<Target, 'source'> {
  return splitQuery(url.slice(PUBLISH.length));
}

function splitQuery(text: string): { path: string; query: string } {
  const mark = text.indexOf('?');
  return mark === -1
    ? { path: text, query: '' }
    : { path: text.slice(0, mark), query: text.slice(mark + 1) };
}
