import { z } from 'zod';
import { isForbiddenHeader, isReservedHeader } from '../header-names.ts';
import { check, type Problem } from './problem.ts';

const text = z.string().min(1, 'must not be empty').max(10_000);
// RFC 9110, section 5: what a header can be called, and what it can hold.
const headerName = text.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be the name of a header');
const headerValue = text.regex(
  /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/,
  'must hold no line break, no character beyond Latin-1, and no space at either end',
);
const ownHeader = headerName.refine((name) => !isForbiddenHeader(name), {
  error: 'must not be a header that HTTP itself needs, such as host',
});
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** How a destination knows that a delivery is ours, and what each way needs. */
const FIELDS = {
  HOOKDECK_SIGNATURE: z.strictObject({}),
  CUSTOM_SIGNATURE: z.strictObject({ key: ownHeader, signing_secret: text }),
  BASIC_AUTH: z.strictObject({
    username: z.string().max(10_000),
    password: z.string().max(10_000),
  }),
  API_KEY: z
    .strictObject({ key: text, api_key: text, to: z.enum(['header', 'query']).optional() })
    .superRefine(({ to, ...auth }, context) => {
      if (to === 'query') return;
      const found = z.object({ key: ownHeader, api_key: headerValue }).safeParse(auth);
      for (const issue of found.error?.issues ?? []) {
        context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
      }
    }),
  BEARER_TOKEN: z.strictObject({ token: headerValue }),
  OAUTH2_CLIENT_CREDENTIALS: z.strictObject({
    auth_server: url,
    client_id: text,
    client_secret: text,
    scope: z.string().nullable().optional(),
    authentication_type: z.enum(['basic', 'bearer', 'x-www-form-urlencoded']).optional(),
  }),
  OAUTH2_AUTHORIZATION_CODE: z.strictObject({
    auth_server: url,
    client_id: text,
    client_secret: text,
    refresh_token: text,
    scope: z.string().nullable().optional(),
  }),
  AWS_SIGNATURE: z.strictObject({
    access_key_id: text,
    secret_access_key: text,
    region: text,
    service: text,
  }),
  GCP_SERVICE_ACCOUNT: z.strictObject({
    service_account_key: text,
    scope: z.string().nullable().optional(),
  }),
} as const;

export type DestinationAuthType = keyof typeof FIELDS;
type AuthOf<Type extends DestinationAuthType> = {
  auth_type: Type;
  auth: z.infer<(typeof FIELDS)[Type]>;
};

/** A destination's authentication as it was checked, with the fields of its type. */
export type DestinationAuth = { [Type in DestinationAuthType]: AuthOf<Type> }[DestinationAuthType];

export const destinationAuthType = z.enum(
  Object.keys(FIELDS) as [DestinationAuthType, ...DestinationAuthType[]],
);

/** What is wrong with the fields of an authentication. */
function problemsOfAuth(type: DestinationAuthType, auth: unknown): Problem[] {
  const checked = check(FIELDS[type], auth);
  if (checked.ok) return [];
  return checked.problems.map(({ path, message }) => ({ path: ['auth', ...path], message }));
}

/** Type and fields are given together, and the fields are those of the type. */
export function problemsOfAuthentication(config: {
  auth_type?: DestinationAuthType | null | undefined;
  auth?: unknown;
}): Problem[] {
  const { auth_type: type = null, auth = null } = config;
  if (type === null) return auth === null ? [] : [{ path: ['auth_type'], message: 'is required' }];
  return auth === null ? [{ path: ['auth'], message: 'is required' }] : problemsOfAuth(type, auth);
}

/** What is wrong with the name of the header that a credential is to go out in, where the user chooses one. */
export function problemsOfHeaderName(config: {
  auth_type?: DestinationAuthType | null | undefined;
  auth?: Record<string, unknown> | null | undefined;
}): Problem[] {
  const { auth_type: type, auth } = config;
  const key = auth?.['key'];
  const inHeader = type === 'CUSTOM_SIGNATURE' || (type === 'API_KEY' && auth?.['to'] !== 'query');
  if (!inHeader || typeof key !== 'string' || !isReservedHeader(key)) return [];
  const message = `must not be ${key.toLowerCase()}, which deliveries need for something else: choose another name, such as x-my-signature`;
  return [{ path: ['auth', 'key'], message }];
}
