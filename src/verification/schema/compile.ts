import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { withDoubles, withEqualNumbers } from '../../domain/numbers/exact-number.ts';
import { addExactKeywords } from './exact.ts';
import { compilePattern } from './patterns.ts';
import { spendOn } from './steps.ts';
import { prepareSchema, STEP_KEYWORD, type SchemaPlace, type SchemaProblem } from './walk.ts';

/** The largest schema, written as JSON. */
export const LARGEST_SCHEMA_BYTES = 65_536;

const DRAFTS = {
  'json-schema.org/draft-07/schema': Ajv,
  'json-schema.org/draft/2019-09/schema': Ajv2019,
  'json-schema.org/draft/2020-12/schema': Ajv2020,
};
type Draft = keyof typeof DRAFTS;
const NEWEST: Draft = 'json-schema.org/draft/2020-12/schema';

const engine = Object.assign((source: string) => compilePattern(source), { code: 'engine' });

const OPTIONS: Options = {
  strict: false,
  logger: false,
  // A format is a remark: its patterns are not ours, and no two libraries agree on them.
  validateFormats: false,
  // What a body inherits is not in it.
  ownProperties: true,
  // Written out at each place, a few references to references would become megabytes of code.
  inlineRefs: false,
  code: { regExp: engine, optimize: false },
};

// Compiling a draft's own schema takes longer than most other schemas: once is enough.
const metaValidators = new Map<Draft, Ajv>();

/** A schema as functions: `first` stops at the first violation, `all` goes on. */
export type Validators = { first: ValidateFunction; all: () => ValidateFunction };

export type CompiledSchema = Validators & {
  /** Whether numbers of its own are more than doubles. */
  isExact: boolean;
  /** The same for what `exactBody` makes of a body. */
  exact: () => Validators;
};

/** Compiles a schema, or says what is wrong with it and where. */
export function compileSchema(source: unknown): CompiledSchema | { problems: SchemaProblem[] } {
  if (Buffer.byteLength(JSON.stringify(source)) > LARGEST_SCHEMA_BYTES) {
    return { problems: [{ path: [], message: `must not exceed ${LARGEST_SCHEMA_BYTES} bytes` }] };
  }
  const draft = draftOf(source);
  if (draft === null) {
    const message = 'must be draft-07, 2019-09 or 2020-12 of JSON Schema';
    return { problems: [{ path: ['$schema'], message }] };
  }
  const wrong = metaProblems(draft, withDoubles(source));
  if (wrong.length > 0) return { problems: wrong };
  const { schema, problems } = prepareSchema(withDoubles(source));
  if (problems.length > 0) return { problems };
  const exactSource = withEqualNumbers(source);
  const isExact = withDoubles(exactSource) !== exactSource;
  let exact: Validators | undefined;
  const makeExact = () => {
    const own = isExact ? prepareSchema(exactSource).schema : schema;
    return validatorsOf(draft, { schema: own, isExact: true });
  };
  try {
    const validators = validatorsOf(draft, { schema, isExact: false });
    return { ...validators, isExact, exact: () => (exact ??= makeExact()) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read';
    return { problems: [{ path: [], message: `cannot be compiled: ${reason}` }] };
  }
}

function draftOf(source: unknown): Draft | null {
  if (typeof source !== 'object' || source === null || !('$schema' in source)) return NEWEST;
  const named = String(source.$schema).replace(/^https?:\/\//, '');
  const name = named.endsWith('#') ? named.slice(0, -1) : named;
  return Object.hasOwn(DRAFTS, name) ? (name as Draft) : null;
}

function metaProblems(draft: Draft, source: unknown): SchemaProblem[] {
  let validator = metaValidators.get(draft);
  if (!validator) metaValidators.set(draft, (validator = new DRAFTS[draft](OPTIONS)));
  const copy =
    typeof source === 'object' && source !== null ? { ...source, $schema: undefined } : source;
  if (validator.validateSchema(copy as object) === true) return [];
  const [error] = validator.errors ?? [];
  return [{ path: placeOf(error), message: error?.message ?? 'is no JSON Schema' }];
}

function placeOf(error: ErrorObject | undefined): SchemaPlace {
  return (error?.instancePath ?? '')
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function validatorsOf(
  draft: Draft,
  { schema, isExact }: { schema: unknown; isExact: boolean },
): Validators {
  let all: ValidateFunction | undefined;
  return {
    first: compile(draft, { schema, isExact, allErrors: false }),
    all: () => (all ??= compile(draft, { schema, isExact, allErrors: true })),
  };
}

function compile(
  draft: Draft,
  { schema, isExact, allErrors }: { schema: unknown; isExact: boolean; allErrors: boolean },
): ValidateFunction {
  const ajv = new DRAFTS[draft]({ ...OPTIONS, meta: false, validateSchema: false, allErrors });
  if (isExact) addExactKeywords(ajv);
  ajv.addKeyword({
    keyword: STEP_KEYWORD,
    // Said to be always valid, its call would be optimised away.
    errors: false,
    validate: (_schema: unknown, data: unknown) => spendOn(data),
  });
  return ajv.compile(schema as object);
}
