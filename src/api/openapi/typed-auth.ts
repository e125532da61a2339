import { z } from 'zod';
import { destinationAuthFields } from '../../domain/schema/destination-auth.ts';
import { authSchemaFor, authTypesFor } from '../../verification/source-config.ts';
import { sourceTypeNames } from '../../verification/source-types.ts';
import { gently } from '../gently.ts';
import { CREDENTIALS } from './credentials.ts';
import type { Json, Schemas } from './schemas.ts';

/** Credentials of one shape, and the types that take them. */
type Shape = { types: string[]; auth: Json };

const NOTHING = { type: 'null' };
/** Names of shapes that many types share; any other is named after its first type. */
const NAMES: Record<string, string> = {
  STRIPE: 'Secret',
  NOTION: 'OptionalSecret',
  SHIPSTATION: 'PublicKeyScheme',
  DISCORD: 'PublicKey',
  CIRCLE: 'ApiKeyOnly',
  WHATSAPP: 'SecretAndVerifyToken',
  ETHOCA: 'Nothing',
};

/** Gives `config.auth` its fields: for destinations by `auth_type`, for sources by `type` too. */
export async function typeAuthentication(schemas: Schemas): Promise<void> {
  const { components } = schemas;
  const ways = Object.entries(destinationAuthFields).map(([type, fields]) => ({
    types: [type],
    auth: schemas.of(fields, 'input'),
  }));
  typeConfig(components['DestinationConfig'], ways);
  typeConfig(components['DestinationConfigInput'], ways);

  const shapes = await sourceShapes(schemas);
  typeConfig(components['SourceConfig'], shapes);
  typeSource(components['SourceInput'], shapes);
  typeSource(components['SourceUpdate'], shapes);
  const { type } = propertiesOf(components['Source']);
  if (type) type['enum'] = sourceTypeNames;
}

/** A configuration whose `auth_type` decides about `auth`; without it, its type or what is stored does. */
function typeConfig(config: Json | undefined, shapes: Shape[]): void {
  if (!config) return;
  const { auth } = propertiesOf(config);
  for (const key of Object.keys(auth ?? {})) if (key !== 'description') delete auth![key];
  Object.assign(auth ?? {}, { anyOf: [...shapes.map((shape) => shape.auth), NOTHING] });
  config['oneOf'] = [
    ...shapes.map((shape) => ({
      title: titleOf(shape),
      properties: { auth_type: { enum: shape.types }, auth: orNull(shape.auth) },
      required: ['auth_type'],
    })),
    { title: 'Without auth_type', properties: { auth_type: NOTHING } },
  ];
}

/** A source whose type decides about `config.auth`. */
function typeSource(source: Json | undefined, shapes: Shape[]): void {
  if (!source) return;
  const { type } = propertiesOf(source);
  delete type?.['maxLength'];
  Object.assign(type ?? {}, { enum: sourceTypeNames });
  const own = shapes.map(({ types, auth }) => ({
    types: types.filter((each) => (sourceTypeNames as string[]).includes(each)),
    auth,
  }));
  source['oneOf'] = [
    // What is made without a type is a WEBHOOK, and a change without one keeps it.
    { title: 'WEBHOOK, or without type', properties: { type: { enum: ['WEBHOOK'] } } },
    {
      title: 'HTTP',
      properties: {
        type: { enum: ['HTTP'] },
        config: { properties: { auth_type: { enum: [...authTypesFor('HTTP'), null] } } },
      },
      required: ['type'],
    },
    ...own
      .filter(({ types }) => types.length > 0)
      .map((shape) => ({
        title: titleOf(shape),
        properties: {
          type: { enum: shape.types },
          config: { properties: { auth: orNull(shape.auth) } },
        },
        required: ['type'],
      })),
  ];
}

/** The shapes that the credentials of sources have, as components. */
async function sourceShapes({ of, components }: Schemas): Promise<Shape[]> {
  const types = authTypesFor('WEBHOOK').filter((type) => type !== 'WEBHOOK' && type !== 'HTTP');
  const alike = Map.groupBy(types, createFieldsKey());
  // Making a JSON Schema takes milliseconds.
  return gently([...alike.values()], (names) => {
    const first = names.find((type) => NAMES[type]) ?? names[0]!;
    const name = `SourceAuth${NAMES[first] ?? pascal(first)}`;
    const schema = of(authSchemaFor('WEBHOOK', first), 'input', CREDENTIALS);
    components[name] = { ...schema, description: `Credentials for ${names.join(', ')}.` };
    return { types: names, auth: { $ref: `#/components/schemas/${name}` } };
  });
}

/** Tells types apart by their fields, without making a JSON Schema of each. */
function createFieldsKey(): (type: string) => string {
  const numbers = new Map<unknown, number>();
  const numberOf = (field: unknown): number => {
    const number = numbers.get(field) ?? numbers.size;
    numbers.set(field, number);
    return number;
  };
  return (type) => {
    const schema = authSchemaFor('WEBHOOK', type);
    if (!(schema instanceof z.ZodObject)) return type;
    const fields = Object.entries(schema.shape);
    return fields.map(([name, field]) => `${name}:${numberOf(field)}`).join();
  };
}

function titleOf({ types }: Shape): string {
  return types.length > 3 ? `${types.slice(0, 3).join(', ')} and others` : types.join(', ');
}

function orNull(schema: Json): Json {
  return { anyOf: [schema, NOTHING] };
}

function propertiesOf(schema: Json | undefined): Record<string, Json> {
  return (schema?.['properties'] ?? {}) as Record<string, Json>;
}

function pascal(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
