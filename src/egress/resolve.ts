import { lookup } from 'node:dns/promises';

/** All addresses of a host name, in the order to try them. Rejects with node's DNS error. */
export type ResolveAll = (hostname: string) => Promise<string[]>;

const underWay = new Map<string, Promise<string[]>>();

/** Asks the system resolver; connections opened to one host at the same time share one question. */
export function resolveAll(hostname: string): Promise<string[]> {
  const known = underWay.get(hostname);
  if (known !== undefined) return known;
  const question = lookup(hostname, { all: true })
    .then((found) => found.map(({ address }) => address))
    .finally(() => underWay.delete(hostname));
  underWay.set(hostname, question);
  return question;
}
