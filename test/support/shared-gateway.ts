import { inject } from 'vitest';
import { createAdmin, type Admin, type Definition } from './admin.ts';

/** The gateway that several files use at the same time: nobody stops it, and each has names of its own. */
export function sharedGateway(): { url(): string; apiKey: string; admin: Admin } {
  const { apiKey, ...given } = inject('sharedGateway');
  const url = () => given.url;
  const admin = createAdmin({ url, apiKey: () => apiKey });
  const own = new Set<string>();
  return {
    url,
    apiKey,
    admin: {
      ...admin,
      async define(definition: Definition) {
        const { name } = definition;
        const known = own.has(name) ? [] : await admin.models(`/connections?name=${name}`);
        if (known.length > 0) throw new Error(`Another file has a connection ${name} already.`);
        own.add(name);
        return admin.define(definition);
      },
    },
  };
}
