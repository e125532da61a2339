import { pipeline } from 'node:stream/promises';
import { raw, type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { type IdKind, isId } from '../db/ids.ts';
import { GatewayError } from '../domain/errors.ts';
import { check } from '../domain/schema/problem.ts';
import type { Authenticate, Identity } from './auth.ts';
import { assertJsonType, MAX_BODY_BYTES, parseBody } from './body.ts';
import { identify } from './identify.ts';
import { invalid, notFound, sendError } from './errors.ts';
import { piecesOf, withoutTexts } from './json-text.ts';
import type { Tag } from './openapi/tags.ts';
import { parseQuery } from './query.ts';
import { withKnown } from './known-names.ts';

type Method = 'get' | 'post' | 'put' | 'delete';

/** One call of a route: what was asked, checked. */
export type Call<Query = unknown, Body = unknown> = {
  projectId: string;
  /** The API key that asks. */
  keyId: string;
  id: string;
  /** What stands at the other names in the path; not checked. */
  params: Record<string, string>;
  query: Query;
  body: Body;
};

type Described = {
  method: Method;
  /** As express writes it: `/sources/:id`. */
  path: string;
  /** What it does, in a few words. */
  summary: string;
  /** What a caller should know before the call; in Markdown, for the OpenAPI document. */
  description: string;
  tag: Tag;
  /** The kind of thing that `:id` names. */
  id?: IdKind;
};

/** What a caller may send, and what comes back: true for the schemas, for the OpenAPI document. */
type Example<Body, Answer> = { body?: Body; answer: Answer };

type Definition<Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> = Described & {
  query?: Q;
  body?: B;
  response: R;
  example: Example<z.input<B>, z.input<R>>;
  handle: (call: Call<z.output<Q>, z.output<B>>) => Promise<z.input<R>>;
};

/** A route as data: it mounts itself and documents itself. */
export type Route = Described & {
  query: z.ZodType | null;
  body: z.ZodType | null;
  response: z.ZodType;
  example: Example<unknown, unknown>;
  /** The answer as the bytes of its JSON, in pieces. */
  run(call: Call): Promise<Uint8Array[]>;
};

/** Makes a route; what comes in is parsed before `handle`, what goes out after it. */
export function route<Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType>(
  definition: Definition<Q, B, R>,
): Route {
  const { query, body, response, handle, ...described } = definition;
  return {
    ...described,
    query: query ?? null,
    body: body ?? null,
    response,
    async run(call) {
      const checked = {
        ...call,
        query: (query ? read(query, { value: call.query, root: 'query' }) : {}) as z.output<Q>,
        body: (body ? read(body, { value: call.body, root: 'body' }) : {}) as z.output<B>,
      };
      const { rest, texts } = withoutTexts(await handle(checked));
      // Whoever wrote the whole of it has checked it.
      const parsed = rest === undefined ? undefined : response.parse(rest);
      return piecesOf(parsed, texts);
    },
  };
}

/** The routes as a router: a known path with another method is a 405 that names the right ones. */
export function mount(routes: Route[], authenticate: Authenticate): Router {
  const router = Router({ caseSensitive: true, strict: false });
  router.use(async (request, response, next) => {
    Object.assign(response.locals, await identify(authenticate, request));
    next();
  });
  for (const [path, own] of Map.groupBy(routes, (each) => each.path)) {
    const place = router.route(path);
    for (const each of own) {
      // Read also where none is expected: one that is there was meant to say something.
      const readBody =
        each.method === 'get' ? [] : [raw({ type: () => true, limit: MAX_BODY_BYTES })];
      place[each.method](assertType, ...readBody, (request, response) =>
        answer(each, { request, response }),
      );
    }
    place.all((_request, response) => {
      const allowed = own.map((each) => each.method.toUpperCase()).join(', ');
      response.set('allow', allowed);
      const message = `This path accepts ${allowed}.`;
      sendError(response, new GatewayError('METHOD_NOT_ALLOWED', message));
    });
  }
  return router;
}

function assertType(request: Request, _response: Response, next: () => void): void {
  assertJsonType(request);
  next();
}

async function answer(
  route: Route,
  { request, response }: { request: Request; response: Response },
): Promise<void> {
  const id = String(request.params['id'] ?? '');
  // No text that cannot be an id reaches the database.
  if (route.id && !isId(route.id, id)) throw notFound(id.toWellFormed().replaceAll('\0', ''));
  const query = parseQuery(searchOf(request));
  if (!route.query && Object.keys(query).length > 0) {
    const problems = Object.keys(query).map((name) => ({ path: [name], message: UNKNOWN }));
    throw invalid('query', problems);
  }
  const body = parseBody(request.body, request.headers['content-type']);
  if (!route.body) read(NOTHING, { value: body, root: 'body' });
  const { projectId, keyId } = response.locals as Identity;
  const params = Object.fromEntries(
    Object.entries(request.params).map(([name, value]) => [name, String(value)]),
  );
  await sendPieces(response, await route.run({ projectId, keyId, id, params, query, body }));
}

/** Writes an answer no faster than it is read. */
async function sendPieces(response: Response, pieces: Uint8Array[]): Promise<void> {
  const bytes = pieces.reduce((total, piece) => total + piece.length, 0);
  response.type('json').set('content-length', String(bytes));
  await pipeline(pieces, response).catch((error: NodeJS.ErrnoException) => {
    // The reader has gone.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

const UNKNOWN = 'is not a known parameter';
const NOTHING = z.strictObject({});

function searchOf(request: Request): string {
  const from = request.originalUrl.indexOf('?');
  return from < 0 ? '' : request.originalUrl.slice(from + 1);
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  { value, root }: { value: unknown; root: string },
): z.output<Schema> {
  const checked = check(schema, value);
  if (!checked.ok) {
    const names =
      root === 'query' && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    throw invalid(root, withKnown(checked.problems, names));
  }
  return checked.value;
}
