import { z } from 'zod';
import type { Filter } from '../db/query.ts';
import { isId, type IdKind } from '../db/ids.ts';
import { parseAsWritten } from '../domain/numbers/parse.ts';
import { unstorable } from './body.ts';
import type { QueryValue } from './query.ts';

/** How one value of a filter is read from text: `message` says what it must be. */
type Reading<Value> = {
  read(text: string): Value | undefined;
  message: string;
  schema: object;
  ordered: boolean;
  /** What the OpenAPI document calls it, where it stands in many lists. */
  name?: string;
};
type Fault = (path: string[], message: string) => void;

const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const;
const FLAG = { type: 'string', enum: ['true', 'false'] };
const OPERATORS: Record<string, string> = {
  gt: 'Greater, or later, than this.',
  gte: 'This, or greater or later.',
  lt: 'Less, or earlier, than this.',
  lte: 'This, or less or earlier.',
  le: 'The same as lt.',
};
const ANY = { ...FLAG, description: 'true: whatever has a value.' };
const ALL = { ...FLAG, description: 'Has no effect: everything matches.' };
const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

export const textFilter = filterOf<string>({
  read: (text) => (text === '' || text.length > 1000 ? undefined : text),
  message: 'must be a text of 1 to 1000 characters',
  schema: { type: 'string' },
  ordered: false,
  name: 'TextFilter',
});

/** Texts of a closed set; `fold` brings what callers write to the set's own case. */
export function choiceFilter<Value extends string>(values: readonly Value[]) {
  return filterOf<Value>({
    read: (text) => values.find((value) => value.toUpperCase() === text.toUpperCase()),
    message: `must be one of ${values.join(', ')}`,
    schema: { type: 'string', enum: values },
    ordered: false,
  });
}

export function idFilter(kind: IdKind, prefix: string) {
  return filterOf<string>({
    read: (text) => (isId(kind, text) ? text : undefined),
    message: `must be a whole id: ${prefix} and 20 to 40 letters or digits`,
    schema: { type: 'string', pattern: `^${prefix}` },
    ordered: false,
  });
}

export const numberFilter = filterOf<number>({
  read: (text) => (/^-?\d{1,9}$/.test(text) ? Number(text) : undefined),
  message: 'must be a whole number',
  schema: { type: 'integer' },
  ordered: true,
  name: 'NumberFilter',
});

export const timeFilter = filterOf<Date>({
  read: readTime,
  message: 'must be a time such as 2026-09-01T12:00:00.000Z',
  schema: { type: 'string', format: 'date-time' },
  ordered: true,
  name: 'TimeFilter',
});

export const flag = z
  .unknown()
  .transform((value, context) => {
    if (value === 'true' || value === 'false') return value === 'true';
    context.addIssue({ code: 'custom', message: 'must be true or false' });
    return z.NEVER;
  })
  .meta(FLAG);

/** A JSON text in a parameter: part of what a body, the headers or the query must hold. */
export const jsonFilter = z
  .unknown()
  .transform((value, context) => {
    const parsed = readJson(value);
    const problem = parsed === undefined ? null : unstorable(parsed);
    if (parsed !== undefined && !problem) return parsed;
    context.addIssue({ code: 'custom', message: problem?.message ?? 'must be a JSON text' });
    return z.NEVER;
  })
  .meta({ type: 'string', contentMediaType: 'application/json' });

/** A JSON object in a parameter: names and the values they must have. */
export const jsonObjectFilter = z
  .unknown()
  .transform((value, context) => {
    const parsed = readJson(value);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    if (isObject && !unstorable(parsed)) return parsed as Record<string, unknown>;
    context.addIssue({ code: 'custom', message: 'must be a JSON object' });
    return z.NEVER;
  })
  .meta({ type: 'string', contentMediaType: 'application/json' });

function filterOf<Value>(reading: Reading<Value>) {
  const { schema, ordered, name: id } = reading;
  const names = ordered ? Object.entries(OPERATORS) : [];
  const properties = {
    ...Object.fromEntries(names.map(([name, description]) => [name, { ...schema, description }])),
    any: ANY,
    all: ALL,
  };
  return z
    .unknown()
    .transform((value, context): Filter<Value> => {
      const fault: Fault = (path, message) => context.addIssue({ code: 'custom', path, message });
      return readFilter(value as QueryValue, { reading, fault });
    })
    .meta({
      ...(id && {
        id,
        description: ordered
          ? 'A value, several of them, or bounds.'
          : 'A value, or several of them.',
      }),
      anyOf: [
        schema,
        { type: 'array', items: schema },
        { type: 'object', properties, additionalProperties: false },
      ],
    });
}

function readFilter<Value>(
  value: QueryValue,
  { reading, fault }: { reading: Reading<Value>; fault: Fault },
): Filter<Value> {
  if (typeof value === 'object' && !Array.isArray(value)) {
    return readOperators(value, { reading, fault });
  }
  const values = [value].flat().map((text) => reading.read(text));
  if (values.includes(undefined)) fault([], reading.message);
  return { in: values.filter((item) => item !== undefined) };
}

function readOperators<Value>(
  operators: Record<string, QueryValue>,
  { reading, fault }: { reading: Reading<Value>; fault: Fault },
): Filter<Value> {
  const filter: Filter<Value> = {};
  for (const [operator, text] of Object.entries(operators)) {
    // The dialect's own list says `le` where it means "less than".
    const name = BOUNDS.find((bound) => bound === (operator === 'le' ? 'lt' : operator));
    if (typeof text !== 'string') {
      fault([operator], 'must be a single value');
    } else if (operator === 'any' || operator === 'all') {
      if (!FLAG.enum.includes(text)) fault([operator], 'must be true or false');
      // "all" asks for nothing; "any" for whatever has a value.
      if (operator === 'any' && text === 'true') filter.any = true;
    } else if (name && reading.ordered) {
      const bound = reading.read(text);
      if (bound === undefined) fault([operator], reading.message);
      else filter[name] = bound;
    } else {
      const known = [...(reading.ordered ? BOUNDS : []), 'any', 'all'].join(', ');
      fault([operator], `is not an operator of this filter, which takes ${known}`);
    }
  }
  return filter;
}

function readTime(text: string): Date | undefined {
  if (!ISO.test(text)) return undefined;
  const zoned = /T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(text) || !text.includes('T') ? text : `${text}Z`;
  const time = new Date(zoned);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

function readJson(value: unknown): unknown {
  if (typeof value !== 'string') return undefined;
  try {
    return parseAsWritten(value);
  } catch {
    return undefined;
  }
}
