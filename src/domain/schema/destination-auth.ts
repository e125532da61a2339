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

const scope = z.string().nullable().optional().describe('The scopes to ask for.');
const clientId = text.describe('The client id at the authorization server.');
const clientSecret = text.describe('The client secret at the authorization server.');
const authServer = url.describe('The token endpoint of the authorization server.');

/** How a destination knows that a delivery is ours, and what each way needs. */
const FIELDS = {
  HOOKDECK_SIGNATURE: z.strictObject({}).meta({
    id: 'DestinationAuthSignature',
    description: 'Nothing beyond the signature that every delivery carries.',
    examples: [{}],
  }),
  CUSTOM_SIGNATURE: z
    .strictObject({
      key: ownHeader.describe('The header that carries the signature.'),
      signing_secret: text.describe(
        'The secret of the HMAC-SHA256 over the body, which is sent in base64.',
      ),
    })
    .meta({
      id: 'DestinationAuthCustomSignature',
      description:
        'An HMAC over the body, in a header of your choice that deliveries do not need for something else.',
      examples: [{ key: 'x-acme-signature', signing_secret: 'a secret of the receiver' }],
    }),
  BASIC_AUTH: z
    .strictObject({
      username: z.string().max(10_000).describe('The user name.'),
      password: z.string().max(10_000).describe('The password.'),
    })
    .meta({
      id: 'DestinationAuthBasic',
      description: 'HTTP Basic authentication.',
      examples: [{ username: 'sluice', password: 'correct horse battery staple' }],
    }),
  API_KEY: z
    .strictObject({
      key: text.describe('The header or query parameter that carries the key.'),
      api_key: text.describe('The key.'),
      to: z
        .enum(['header', 'query'])
        .optional()
        .describe('Where the key goes; header if left out.'),
    })
    .superRefine(({ to, ...auth }, context) => {
      if (to === 'query') return;
      const found = z.object({ key: ownHeader, api_key: headerValue }).safeParse(auth);
      for (const issue of found.error?.issues ?? []) {
        context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
      }
    })
    .meta({
      id: 'DestinationAuthApiKey',
      description: 'A key in a header or a query parameter.',
      examples: [{ key: 'x-api-key', api_key: 'key_4d1f', to: 'header' }],
    }),
  BEARER_TOKEN: z.strictObject({ token: headerValue.describe('The token.') }).meta({
    id: 'DestinationAuthBearer',
    description: 'A fixed token in `authorization: Bearer …`.',
    examples: [{ token: 'token_8c2e' }],
  }),
  OAUTH2_CLIENT_CREDENTIALS: z
    .strictObject({
      auth_server: authServer,
      client_id: clientId,
      client_secret: clientSecret,
      scope,
      authentication_type: z
        .enum(['basic', 'bearer', 'x-www-form-urlencoded'])
        .optional()
        .describe(
          'How the client authenticates: basic if left out, bearer with its secret as the token, or both in the form.',
        ),
    })
    .meta({
      id: 'DestinationAuthOAuth2ClientCredentials',
      description: 'OAuth 2.0: Sluice gets tokens for itself and renews them.',
      examples: [
        {
          auth_server: 'https://login.example.com/oauth/token',
          client_id: 'sluice',
          client_secret: 'a client secret',
          scope: 'events:write',
        },
      ],
    }),
  OAUTH2_AUTHORIZATION_CODE: z
    .strictObject({
      auth_server: authServer,
      client_id: clientId,
      client_secret: clientSecret,
      refresh_token: text.describe('The refresh token that a user has granted.'),
      scope,
    })
    .meta({
      id: 'DestinationAuthOAuth2AuthorizationCode',
      description: 'OAuth 2.0: Sluice gets tokens with a refresh token.',
      examples: [
        {
          auth_server: 'https://login.example.com/oauth/token',
          client_id: 'sluice',
          client_secret: 'a client secret',
          refresh_token: 'a refresh token',
        },
      ],
    }),
  AWS_SIGNATURE: z
    .strictObject({
      access_key_id: text.describe('The id of the access key.'),
      secret_access_key: text.describe('The access key.'),
      region: text.describe('The AWS region that is called.'),
      service: text.describe('The AWS service that is called, such as lambda.'),
    })
    .meta({
      id: 'DestinationAuthAws',
      description: 'AWS Signature Version 4.',
      examples: [
        {
          access_key_id: 'AKIAIOSFODNN7EXAMPLE',
          secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
          region: 'eu-central-1',
          service: 'execute-api',
        },
      ],
    }),
  GCP_SERVICE_ACCOUNT: z
    .strictObject({
      service_account_key: text.describe('The JSON key file of the service account, as text.'),
      scope: scope.describe('With a scope Sluice sends an access token, without one an ID token.'),
    })
    .meta({
      id: 'DestinationAuthGcpServiceAccount',
      description: 'Google Cloud: Sluice gets tokens for a service account.',
      examples: [
        {
          service_account_key: '{"type":"service_account","client_email":"…","private_key":"…"}',
          scope: 'https://www.googleapis.com/auth/cloud-platform',
        },
      ],
    }),
} as const;

export type DestinationAuthType = keyof typeof FIELDS;

/** What `config.auth` holds, for each `config.auth_type`. */
export const destinationAuthFields: Readonly<Record<DestinationAuthType, z.ZodType>> = FIELDS;
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
