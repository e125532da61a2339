import type { IncomingMessage } from 'node:http';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Source } from '../../db/configuration.ts';
import { shownValue } from '../../domain/shown-value.ts';
import { callerOf } from '../edge/caller.ts';
import { refusal, type Answer } from './answer.ts';
import { isPublish, parsePublishTarget, parseTarget, type Target } from './target.ts';

/** Where a request is addressed to; `published`: by a project's own key, so nothing is left to verify. */
export type Found = { source: Source; target: Omit<Target, 'source'>; published: boolean };

type Options = {
  configuration: Configuration;
  /** The project of an `Authorization` header, for the Publish API. */
  authenticate: (
    authorization: string | undefined,
    address: string | null,
  ) => Promise<string | null>;
};

/** The source of an ingest request, or the answer to a request that has none. */
export async function findSource(
  options: Options,
  req: IncomingMessage,
): Promise<Found | { answer: Answer }> {
  const url = req.url ?? '/';
  if (isPublish(url)) return findPublished(options, { req, url });
  const target = parseTarget(url);
  const source = options.configuration.source(target.source);
  if (!source) {
    const message = 'No source has this id or name. Check the URL.';
    return { answer: refusal('NOT_FOUND', message, { data: { source: target.source } }) };
  }
  if (source.deleted) {
    const message = `Source ${source.id} was deleted. Remove this URL at the sender.`;
    return { answer: refusal('GONE', message, { data: { deleted: true } }) };
  }
  return { source, target, published: false };
}

async function findPublished(
  { configuration, authenticate }: Options,
  { req, url }: { req: IncomingMessage; url: string },
): Promise<Found | { answer: Answer }> {
  if (req.method !== 'POST') {
    const headers = { allow: 'POST' };
    return { answer: refusal('METHOD_NOT_ALLOWED', 'Events are published by POST.', { headers }) };
  }
  const projectId = await authenticate(req.headers.authorization, callerOf(req).address);
  if (projectId === null) {
    const headers = { 'www-authenticate': 'Bearer realm="sluice"', 'content-type': 'text/plain' };
    return { answer: { status: 401, headers, body: 'Unauthorized' } };
  }
  const named = namedSource(req);
  const source = configuration.source(named?.value ?? '');
  if (source && source.projectId === projectId && !source.deleted) {
    return { source, target: parsePublishTarget(url), published: true };
  }
  if (named === null)
    return { answer: refusal('UNPROCESSABLE_ENTITY', UNNAMED, { data: [ABSENT] }) };
  const what = named.header.endsWith('-id') ? 'id' : 'name';
  const data = [`headers.${named.header} is unknown`];
  const message = `No source of this project has the ${what} ${JSON.stringify(shownValue(named.value))}. Correct the header ${named.header}.`;
  return { answer: refusal('UNPROCESSABLE_ENTITY', message, { data }) };
}

const UNNAMED =
  'headers.x-sluice-source-id (or x-sluice-source-name) must name a source of this project.';
const ABSENT = 'headers.x-sluice-source-id is required';

function namedSource(req: IncomingMessage): { header: string; value: string } | null {
  for (const prefix of ['x-sluice', 'x-hookdeck']) {
    for (const header of [`${prefix}-source-id`, `${prefix}-source-name`]) {
      const value = req.headers[header];
      if (typeof value === 'string' && value !== '') return { header, value };
    }
  }
  return null;
}
