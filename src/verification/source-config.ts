import { z } from 'zod';
import { sentence } from '../domain/schema/problem.ts';
import {
  commonFields,
  jwtProblem,
  microsoftGraphFields,
  microsoftGraphProblem,
} from './auth-fields.ts';
import { customResponseSchema } from './custom-response.ts';
import type { Secret } from './received.ts';
import { genericAuth } from './providers/generic.ts';
import type { SourceTypeDefinition } from './providers/define.ts';
import { secretProblem } from './schemes.ts';
import { isSourceType, sourceTypes, type SourceType } from './source-types.ts';

export type SourceConfig = {
  /** For `WEBHOOK` and `HTTP`: which way of verifying `auth` is for. */
  auth_type?: string | null | undefined;
  /** Absent or null: nothing is verified, and requests say so. */
  auth?: Readonly<Record<string, unknown>> | null | undefined;
  allowed_http_methods?: readonly string[] | null | undefined;
  custom_response?: { content_type: string; body: string } | null | undefined;
  /** What a request that is not verified is answered; absent: as the provider wants it. */
  unverified_status?: 200 | 401 | null | undefined;
};

type ConfigProblem = { path: string; message: string };
export type ConfigCheck = { ok: true } | { errors: ConfigProblem[] };

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY'] as const;

const outerSchema = z.looseObject({
  auth_type: z.string().max(64).nullish(),
  auth: z.record(z.string(), z.unknown()).nullish(),
  allowed_http_methods: z.array(z.enum(METHODS)).min(1).max(METHODS.length).nullish(),
  custom_response: customResponseSchema.nullish(),
  unverified_status: z.union([z.literal(200), z.literal(401)]).nullish(),
});

/** The ways of verifying that `auth_type` may name for a type. */
export function authTypesFor(type: SourceType): readonly string[] {
  const generic = Object.keys(genericAuth);
  if (type === 'HTTP') return generic;
  return type === 'WEBHOOK' ? [...new Set([...generic, ...Object.keys(sourceTypes)])] : [];
}

/** The definition that verifies a source: its type's, or the one `auth_type` names; null where there is none. */
export function definitionFor(
  type: SourceType,
  { authType }: { authType: string | null | undefined },
): SourceTypeDefinition | null {
  if (type !== 'WEBHOOK' && type !== 'HTTP') return sourceTypes[type];
  if (typeof authType !== 'string') return null;
  if (Object.hasOwn(genericAuth, authType))
    return genericAuth[authType as keyof typeof genericAuth];
  return type === 'WEBHOOK' &&
    isSourceType(authType) &&
    authType !== 'WEBHOOK' &&
    authType !== 'HTTP'
    ? sourceTypes[authType]
    : null;
}

const schemas = new Map<SourceTypeDefinition, z.ZodType>();

/** The schema of a source's `auth`; for `WEBHOOK` and `HTTP` it depends on the authentication type. */
export function authSchemaFor(type: SourceType, authType?: string | null): z.ZodType {
  const definition = definitionFor(type, { authType });
  if (definition === null) return z.strictObject({});
  const known = schemas.get(definition);
  if (known !== undefined) return known;
  const isEmpty = Object.keys(definition.fields).length === 0;
  const schema = z.strictObject(
    isEmpty ? onlyTolerance() : { ...commonFields, ...definition.fields },
  );
  schemas.set(definition, schema);
  return schema;
}

function onlyTolerance() {
  return {
    tolerance_seconds: commonFields.tolerance_seconds,
    replay_protection: commonFields.replay_protection,
  };
}

/** Says whether a source's configuration can be saved, and otherwise which fields are wrong and why. */
export function validateSourceConfig(type: SourceType, config: unknown): ConfigCheck {
  const outer = outerSchema.safeParse(config ?? {}, { error: sentence });
  if (!outer.success) return { errors: problemsOf(outer.error, '') };
  const { auth, auth_type: authType } = outer.data;
  const wrongType = authTypeProblem(type, {
    authType,
    hasAuth: auth !== null && auth !== undefined,
  });
  if (wrongType !== null) return { errors: [wrongType] };
  if (auth === null || auth === undefined) return { ok: true };
  const parsed = authSchemaFor(type, authType).safeParse(auth, { error: sentence });
  if (!parsed.success) return { errors: problemsOf(parsed.error, 'auth') };
  const definition = definitionFor(type, { authType });
  const problems =
    definition === null ? [] : keyProblems(definition, parsed.data as Record<string, unknown>);
  return problems.length === 0 ? { ok: true } : { errors: problems };
}

function authTypeProblem(
  type: SourceType,
  { authType, hasAuth }: { authType: string | null | undefined; hasAuth: boolean },
): ConfigProblem | null {
  const known = authTypesFor(type);
  if (known.length === 0) {
    const isOwn = authType === undefined || authType === null || authType === type;
    return isOwn
      ? null
      : { path: 'auth_type', message: `is only for WEBHOOK and HTTP; leave it out for ${type}` };
  }
  if (typeof authType === 'string') {
    return definitionFor(type, { authType }) === null
      ? {
          path: 'auth_type',
          message: `is not known; for ${type} it is one of ${known.slice(0, 7).join(', ')} …`,
        }
      : null;
  }
  return hasAuth
    ? { path: 'auth_type', message: 'says what auth is for and must be given with it' }
    : null;
}

function problemsOf(error: z.ZodError, prefix: string): ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    const names =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => [...issue.path, key])
        : [issue.path];
    const message =
      issue.code === 'unrecognized_keys' ? 'is not a field of this type' : issue.message;
    return names.map((path) => ({
      path: [prefix, ...path.map(String)].filter((part) => part !== '').join('.'),
      message,
    }));
  });
}

/** What a schema cannot see: keys that cannot be read, and algorithms that do not fit them. */
function keyProblems(
  definition: SourceTypeDefinition,
  auth: Record<string, unknown>,
): ConfigProblem[] {
  const problem = fieldsProblem(definition, auth);
  if (problem !== null) return [{ path: `auth.${problem.path}`, message: problem.message }];
  const field = definition.secretField;
  if (field === null) return [];
  const previous = Array.isArray(auth['previous_secrets'])
    ? (auth['previous_secrets'] as { value: string }[])
    : [];
  return [
    { path: `auth.${field}`, value: auth[field] },
    ...previous.map(({ value }, index) => ({
      path: `auth.previous_secrets.${index}.value`,
      value,
    })),
  ].flatMap(({ path, value }) => {
    const message =
      typeof value === 'string' ? secretProblem(definition.scheme, { auth, value }) : null;
    return message === null ? [] : [{ path, message }];
  });
}

// What several fields say together.
function fieldsProblem(
  definition: SourceTypeDefinition,
  auth: Record<string, unknown>,
): ConfigProblem | null {
  if (definition === genericAuth.JWT) return jwtProblem(auth as Parameters<typeof jwtProblem>[0]);
  return definition.fields === microsoftGraphFields ? microsoftGraphProblem(auth) : null;
}

/** The secrets of a source's `auth`: the current one, then those that stay valid for a while. */
export function secretsOf(
  definition: SourceTypeDefinition,
  auth: Readonly<Record<string, unknown>>,
): Secret[] {
  const field = definition.secretField;
  const current = field === null ? undefined : auth[field];
  const previous = Array.isArray(auth['previous_secrets'])
    ? (auth['previous_secrets'] as { value: string; not_after?: string }[])
    : [];
  return [
    ...(typeof current === 'string' && current !== '' ? [{ value: current }] : []),
    ...previous.map(({ value, not_after: end }) =>
      end === undefined ? { value } : { value, notAfterMs: Date.parse(end) },
    ),
  ];
}
