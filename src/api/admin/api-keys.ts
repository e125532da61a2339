import type { z } from 'zod';
import {
  changingKeys,
  findKey,
  hashOfKey,
  insertKey,
  KeyOrigin,
  listKeys,
  newKey,
  revokeKey,
  updateKey,
  type ApiKeyRow,
} from '../../db/api-keys.ts';
import { gatewayNow } from '../../db/clock.ts';
import type { Db } from '../../db/pool.ts';
import { GatewayError } from '../../domain/errors.ts';
import {
  apiKey,
  apiKeyCreate,
  apiKeyRoll,
  apiKeyUpdate,
  newApiKey,
  type ApiKey,
} from '../../domain/schema/api-key.ts';
import { deleted, Direction, listOf } from '../../domain/schema/list.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid, notFound } from '../errors.ts';
import { EXAMPLE_ID } from '../examples/ids.ts';
import { exampleApiKey, exampleNewApiKey } from '../examples/keys.ts';
import { examplePage } from '../examples/list.ts';
import { type Call, type Route, route } from '../route.ts';

const TAG = 'api keys';
const MOST_KEYS = 1_000;
const PAGINATION = { order_by: 'created_at', dir: Direction.Descending, limit: MOST_KEYS };

type Key = Pick<Call, 'projectId' | 'id'>;

/** `/api-keys`: who may use the API. */
export function apiKeyRoutes(deps: ApiDeps): Route[] {
  return [
    ...readRoutes(deps),
    createRoute(deps),
    updateRoute(deps),
    rollRoute(deps),
    revokeRoute(deps),
  ];
}

function readRoutes({ db }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/api-keys',
      summary: 'List API keys',
      description:
        'Lists all API keys, the newest first. The keys themselves are not stored, only their hashes.',
      tag: TAG,
      response: listOf(apiKey),
      example: {
        answer: { ...examplePage(exampleApiKey), pagination: PAGINATION },
      },
      async handle({ projectId }) {
        const models = (await listKeys(db, projectId)).map(render);
        return { pagination: PAGINATION, count: models.length, models };
      },
    }),
    route({
      method: 'get',
      path: '/api-keys/:id',
      summary: 'Retrieve an API key',
      description: 'Returns everything about a key except the key itself, which is not stored.',
      tag: TAG,
      id: 'apiKey',
      response: apiKey,
      example: { answer: exampleApiKey },
      handle: async (key) => render(await find(db, key)),
    }),
  ];
}

function createRoute({ db, keysChanged }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/api-keys',
    summary: 'Create an API key',
    description: 'Creates a key. Store `key` now: this response is the only place that shows it.',
    tag: TAG,
    body: apiKeyCreate,
    response: newApiKey,
    example: { body: { label: 'deploy' }, answer: exampleNewApiKey },
    async handle({ projectId, body }) {
      const { name = '', label = name, expires_at: end } = body;
      const made = await changingKeys(db, (changing) =>
        make(changing, { projectId, label, expiresAt: timeOf(end) }),
      );
      keysChanged?.();
      return made;
    },
  });
}

function updateRoute({ db, keysChanged }: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/api-keys/:id',
    summary: 'Update an API key',
    description:
      'Changes the label of a key or the time at which it expires. The key set by `API_KEY` is changed there, and the last key without an expiry has to stay: both are answered with 422.',
    tag: TAG,
    id: 'apiKey',
    body: apiKeyUpdate,
    response: apiKey,
    example: { body: { label: 'deploy' }, answer: exampleApiKey },
    async handle({ projectId, id, body }) {
      const { name, label = name, expires_at: end } = body;
      const row = await changingKeys(db, async (changing) => {
        const before = await find(changing, { projectId, id });
        if (end) await assertDispensable(changing, before);
        const expiry = end === undefined ? {} : { expiresAt: timeOf(end) };
        await updateKey(changing, {
          projectId,
          id,
          ...(label !== undefined && { label }),
          ...expiry,
        });
        return find(changing, { projectId, id });
      });
      keysChanged?.();
      return render(row);
    },
  });
}

function rollRoute({ db, keysChanged }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/api-keys/:id/roll',
    summary: 'Roll an API key',
    description:
      'Creates a key that replaces this one. The old key stays valid for `delay_sec` seconds, so that clients can change over. Store `key` now: this response is the only place that shows it.',
    tag: TAG,
    id: 'apiKey',
    body: apiKeyRoll,
    response: newApiKey,
    example: { body: { delay_sec: 3_600 }, answer: exampleNewApiKey },
    async handle({ projectId, id, body }) {
      const made = await changingKeys(db, async (changing) => {
        const old = await find(changing, { projectId, id });
        if (old.origin === KeyOrigin.Environment) throw setOutside();
        const { label, expires_at: expiresAt } = old;
        const next = await make(changing, { projectId, label, expiresAt });
        const endsAt = new Date(gatewayNow() + body.delay_sec * 1_000);
        if (body.delay_sec === 0) await revokeKey(changing, { projectId, id });
        else if (!expiresAt || expiresAt > endsAt) {
          await updateKey(changing, { projectId, id, expiresAt: endsAt });
        }
        return next;
      });
      keysChanged?.();
      return made;
    },
  });
}

function revokeRoute({ db, keysChanged }: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/api-keys/:id',
    summary: 'Revoke an API key',
    description:
      'Revokes a key. Every process refuses it within a second. The key set by `API_KEY` and the last key without an expiry cannot be revoked: 422.',
    tag: TAG,
    id: 'apiKey',
    response: deleted,
    example: { answer: { id: EXAMPLE_ID.apiKey } },
    async handle({ projectId, id }) {
      await changingKeys(db, async (changing) => {
        await assertDispensable(changing, await find(changing, { projectId, id }));
        await revokeKey(changing, { projectId, id });
      });
      keysChanged?.();
      return { id };
    },
  });
}

type Making = { projectId: string; label: string; expiresAt: Date | null };

async function make(
  db: Db,
  { projectId, label, expiresAt }: Making,
): Promise<z.input<typeof newApiKey>> {
  if ((await listKeys(db, projectId)).length >= MOST_KEYS) {
    const message = `There are ${MOST_KEYS} keys already, the maximum. Revoke some first.`;
    throw new GatewayError('UNPROCESSABLE_ENTITY', message);
  }
  const key = newKey();
  const wanted = { projectId, hash: hashOfKey(key), label, origin: KeyOrigin.Api, expiresAt };
  const row = await insertKey(db, wanted);
  if (!row) throw new GatewayError('INTERNAL_ERROR', 'The key could not be created. Try again.');
  return { ...render(row), key };
}

/** What is set outside cannot be taken away here, and one key without an expiry must be left, so that nobody is locked out. */
async function assertDispensable(db: Db, row: ApiKeyRow): Promise<void> {
  if (row.origin === KeyOrigin.Environment) throw setOutside();
  const keys = await listKeys(db, row.project_id);
  if (keys.some((other) => other.id !== row.id && other.expires_at === null)) return;
  if (row.expires_at !== null) return;
  throw invalid('key', [
    {
      path: [],
      message: 'is the last one without an expiry: create another one first',
    },
  ]);
}

function setOutside(): GatewayError {
  const message = 'This key is set by API_KEY. To revoke it, change API_KEY and restart.';
  return new GatewayError('UNPROCESSABLE_ENTITY', message);
}

async function find(db: Db, key: Key): Promise<ApiKeyRow> {
  const row = await findKey(db, key);
  if (!row) throw notFound(key.id);
  return row;
}

function timeOf(text: string | null | undefined): Date | null {
  return text ? new Date(text) : null;
}

function render(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    label: row.label,
    team_id: row.project_id,
    key_fingerprint: row.fingerprint,
    origin: row.origin,
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    updated_at: row.updated_at.toISOString(),
    created_at: row.created_at.toISOString(),
  };
}
