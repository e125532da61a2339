import { z } from 'zod';
import type { NamedRow } from '../../db/named-rows.ts';
import type { Db } from '../../db/pool.ts';
import { count, deleted, listOf } from '../../domain/schema/list.ts';
import { idOf } from '../../domain/schema/id.ts';
import { IdPrefix } from '../../db/ids.ts';
import type { ApiDeps } from '../deps.ts';
import { EXAMPLE_ID, EXAMPLE_TIME } from '../examples/ids.ts';
import { examplePage } from '../examples/list.ts';
import { choiceFilter, flag, idFilter, textFilter, timeFilter } from '../filters.ts';
import { envelope, pageAsked, pagingOf } from '../paging.ts';
import { type Route, route } from '../route.ts';
import { createNamed, type Named, present, updateNamed, upsertNamed } from './named-content.ts';

type Bodies = { input: z.ZodType; update: z.ZodType; model: z.ZodType };

/** How one kind of named thing differs from the other. */
export type NamedResource<Row extends NamedRow, Update> = Named<Row, Update> &
  Bodies & {
    plural: 'sources' | 'destinations';
    types: readonly string[];
    render: (row: Row) => unknown;
    /** One of them by itself, with its credentials where they were asked for. */
    show: (row: Row, auth?: object) => unknown;
    authOf: (row: Row) => object | null | undefined;
    disable(db: Db, id: string): Promise<void>;
    enable(db: Db, id: string): Promise<void>;
    remove(db: Db, id: string): Promise<void>;
    /** Descriptions of what is not the same for both. */
    words: Record<'create' | 'remove' | 'disable' | 'enable', string>;
    /** `shown` is one by itself. */
    example: { input: object; model: { disabled_at: string | null }; shown: object };
  };

const ORDERS = ['created_at', 'updated_at', 'name'] as const;

/** The routes that sources and destinations share. */
export function namedRoutes<Row extends NamedRow, Update extends { name?: string | undefined }>(
  deps: ApiDeps,
  resource: NamedResource<Row, Update>,
): Route[] {
  return [
    ...readRoutes(deps, resource),
    ...writeRoutes(deps, resource),
    switchRoute(deps, { resource, word: 'enable' }),
    switchRoute(deps, { resource, word: 'disable' }),
    switchRoute(deps, { resource, word: 'unarchive' }),
    switchRoute(deps, { resource, word: 'archive' }),
  ];
}

function readRoutes<Row extends NamedRow, Update>(
  { db }: ApiDeps,
  resource: NamedResource<Row, Update>,
): Route[] {
  const { kind, plural, rows, model, render, show, example } = resource;
  const prefix = IdPrefix[kind];
  const filters = {
    id: idFilter(kind, prefix).optional(),
    name: textFilter.optional(),
    type: choiceFilter(resource.types).optional(),
    disabled: flag.optional(),
    disabled_at: timeFilter.optional(),
    created_at: timeFilter.optional(),
    updated_at: timeFilter.optional(),
  };
  const paging = pagingOf({ orders: ORDERS, cursor: idOf(prefix) });
  return [
    route({
      method: 'get',
      path: `/${plural}`,
      summary: `List ${plural}`,
      description: `Lists ${plural}, the newest first, without their credentials.`,
      tag: plural,
      query: z.strictObject({ ...filters, ...paging }),
      response: listOf(model),
      example: { answer: examplePage(example.model) },
      async handle({ projectId, query }) {
        const asked = pageAsked(query, 'created_at');
        const page = await rows.list(db, { projectId, filters: query, page: asked });
        return envelope(page, { asked, models: page.rows.map((row) => render(row)) });
      },
    }),
    route({
      method: 'get',
      path: `/${plural}/count`,
      summary: `Count ${plural}`,
      description: `Counts the ${plural} that match the filters.`,
      tag: plural,
      query: z.strictObject(filters),
      response: count,
      example: { answer: { count: 3 } },
      async handle({ projectId, query }) {
        return { count: await rows.count(db, { projectId, filters: query }) };
      },
    }),
    route({
      method: 'get',
      path: `/${plural}/:id`,
      summary: `Retrieve a ${kind}`,
      description: `Returns a ${kind}. Its credentials are left out unless you ask for them with \`include=config.auth\`.`,
      tag: plural,
      id: kind,
      query: z.strictObject({ include: z.literal('config.auth').optional() }),
      response: model,
      example: { answer: example.shown },
      async handle({ projectId, id, query }) {
        const row = present(await rows.find(db, { projectId, id }), id);
        return show(row, query.include ? (resource.authOf(row) ?? undefined) : undefined);
      },
    }),
  ];
}

function writeRoutes<Row extends NamedRow, Update extends { name?: string | undefined }>(
  { db, commands }: ApiDeps,
  resource: NamedResource<Row, Update>,
): Route[] {
  const { kind, plural, rows, model, render, words, example } = resource;
  const save = async (work: (inside: Db) => Promise<Row>) => {
    const row = await db.transaction(work);
    await commands.configurationChanged({ kind, id: row.id });
    return render(row);
  };
  const described = {
    tag: plural,
    response: model,
    example: { body: example.input, answer: example.model },
  } as const;
  return [
    route({
      ...described,
      method: 'post',
      path: `/${plural}`,
      summary: `Create a ${kind}`,
      description: `${words.create} A name that is taken is answered with 409.`,
      body: resource.input,
      handle: ({ projectId, body }) => {
        const input = body as Update & { name: string };
        return save((inside) => createNamed(inside, resource, { projectId, input, root: 'body' }));
      },
    }),
    route({
      ...described,
      method: 'put',
      path: `/${plural}`,
      summary: `Create or update a ${kind} by name`,
      description: `Updates the ${kind} with this name, or creates it. Use it to apply a configuration again and again. In an update, fields that are left out stay as they are.`,
      body: resource.input,
      handle: ({ projectId, body }) => {
        const input = body as Update & { name: string };
        return save((inside) => upsertNamed(inside, resource, { projectId, input, root: 'body' }));
      },
    }),
    route({
      ...described,
      method: 'put',
      path: `/${plural}/:id`,
      summary: `Update a ${kind}`,
      description: `Changes what is given; the rest stays as it is. In \`config\`, \`null\` removes a setting, and \`auth\` is replaced as a whole.`,
      id: kind,
      body: resource.update,
      handle: ({ projectId, id, body }) =>
        save((inside) => updateNamed(inside, resource, { projectId, id, input: body as Update })),
    }),
    route({
      method: 'delete',
      path: `/${plural}/:id`,
      summary: `Delete a ${kind}`,
      description: words.remove,
      tag: plural,
      id: kind,
      response: deleted,
      example: { answer: { id: EXAMPLE_ID[kind] } },
      async handle({ projectId, id }) {
        await db.transaction(async (inside) => {
          present(await rows.lock(inside, { projectId, id }), id);
          await resource.remove(inside, id);
        });
        await commands.configurationChanged({ kind, id, deleted: true });
        return { id };
      },
    }),
  ];
}

function switchRoute<Row extends NamedRow, Update>(
  { db, commands }: ApiDeps,
  {
    resource,
    word,
  }: {
    resource: NamedResource<Row, Update>;
    word: 'enable' | 'disable' | 'archive' | 'unarchive';
  },
): Route {
  const { kind, plural, rows, words, example } = resource;
  const off = word === 'disable' || word === 'archive';
  return route({
    method: 'put',
    path: `/${plural}/:id/${word}`,
    summary: `${off ? 'Disable' : 'Enable'} a ${kind}`,
    description: {
      enable: words.enable,
      disable: words.disable,
      archive: 'The same as disable.',
      unarchive: 'The same as enable.',
    }[word],
    tag: plural,
    id: kind,
    response: resource.model,
    example: { answer: { ...example.model, disabled_at: off ? EXAMPLE_TIME : null } },
    async handle({ projectId, id }) {
      const row = await db.transaction(async (inside) => {
        present(await rows.lock(inside, { projectId, id }), id);
        await (off ? resource.disable(inside, id) : resource.enable(inside, id));
        return present(await rows.find(inside, { projectId, id }), id);
      });
      await commands.configurationChanged();
      return resource.render(row);
    },
  });
}
