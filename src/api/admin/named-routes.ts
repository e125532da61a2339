import { z } from 'zod';
import type { NamedRow } from '../../db/named-rows.ts';
import type { Db } from '../../db/pool.ts';
import { count, deleted, listOf } from '../../domain/schema/list.ts';
import { idOf } from '../../domain/schema/id.ts';
import { IdPrefix } from '../../db/ids.ts';
import type { ApiDeps } from '../deps.ts';
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
  const { kind, plural, rows, model, render, show } = resource;
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
      tag: plural,
      query: z.strictObject({ ...filters, ...paging }),
      response: listOf(model),
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
      tag: plural,
      query: z.strictObject(filters),
      response: count,
      async handle({ projectId, query }) {
        return { count: await rows.count(db, { projectId, filters: query }) };
      },
    }),
    route({
      method: 'get',
      path: `/${plural}/:id`,
      summary: `Show a ${kind}`,
      tag: plural,
      id: kind,
      query: z.strictObject({ include: z.literal('config.auth').optional() }),
      response: model,
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
  const { kind, plural, rows, model, render } = resource;
  const save = async (work: (inside: Db) => Promise<Row>) => {
    const row = await db.transaction(work);
    await commands.configurationChanged({ kind, id: row.id });
    return render(row);
  };
  const described = { tag: plural, response: model } as const;
  return [
    route({
      ...described,
      method: 'post',
      path: `/${plural}`,
      summary: `Make a ${kind}`,
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
      summary: `Make a ${kind}, or change the one of this name`,
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
      summary: `Change a ${kind}: what is given replaces, null takes away`,
      id: kind,
      body: resource.update,
      handle: ({ projectId, id, body }) =>
        save((inside) => updateNamed(inside, resource, { projectId, id, input: body as Update })),
    }),
    route({
      method: 'delete',
      path: `/${plural}/:id`,
      summary: `Delete a ${kind} and its connections; what has passed through stays`,
      tag: plural,
      id: kind,
      response: deleted,
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
  const { kind, plural, rows } = resource;
  const off = word === 'disable' || word === 'archive';
  return route({
    method: 'put',
    path: `/${plural}/:id/${word}`,
    summary: `${off ? 'Disable' : 'Enable'} a ${kind}`,
    tag: plural,
    id: kind,
    response: resource.model,
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
