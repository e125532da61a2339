import { Fault } from '../fault.ts';

const BASE_PATH = '/2026-09-01';

/** What a benchmark asks of the admin API. */
export type Admin = {
  connect(body: object): Promise<Connected>;
  /** Changes what `path` names, like `/destinations/des_…/pause`. */
  put(path: string, body?: object): Promise<unknown>;
  remove(path: string): Promise<void>;
};

type Connected = { id: string; source: { id: string }; destination: { id: string } };

/** The gateway refused what a scenario asks for: it may not have the feature yet. */
export class Refused extends Fault {
  override readonly name = 'Refused';
}

export function createAdmin({ url, apiKey }: { url: string; apiKey: string }): Admin {
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${url}${BASE_PATH}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text);
    throw new Refused(
      `The gateway answered ${answer.status} to ${method} ${path}: ${text.slice(0, 500)}`,
    );
  }
  return {
    connect: async (body) => (await ask('POST', '/connections', body)) as Connected,
    put: (path, body) => ask('PUT', path, body),
    remove: async (path) => void (await ask('DELETE', path)),
  };
}
