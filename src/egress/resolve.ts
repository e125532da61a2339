import { lookup, Resolver } from 'node:dns/promises';

/** All addresses of a host name, in the order to try them. Rejects with node's DNS error. */
export type ResolveAll = (hostname: string) => Promise<string[]>;

// Answers that say "not in the DNS"; then the hosts file and the search domains are asked.
const NOT_IN_DNS = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

/**
 * Resolves names without letting one name hold up another. The system's own call runs on a few
 * threads, so that two names with a slow server would stop every new connection; hence names with a
 * dot are asked of the DNS directly, and of the system, one at a time, only where the DNS knows none.
 */
export function createResolver({
  servers,
  timeoutMs = 3000,
}: {
  /** `address:port` each; the system's own where left out. */
  servers?: readonly string[];
  /** For one try; there are two. */
  timeoutMs?: number;
} = {}): ResolveAll {
  const underWay = new Map<string, Promise<string[]>>();
  let turn: Promise<unknown> = Promise.resolve();

  /** One at a time, which leaves the system's threads to names of this machine. */
  function askSystemInTurn(hostname: string): Promise<string[]> {
    const answer = turn.then(() => askSystem(hostname));
    turn = answer.catch(() => {});
    return answer;
  }

  async function askDns(hostname: string): Promise<string[]> {
    // A new one for each question: it reads the system's settings anew.
    const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
    if (servers !== undefined) resolver.setServers(servers);
    const answers = await Promise.allSettled([
      resolver.resolve4(hostname),
      resolver.resolve6(hostname),
    ]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found;
    const failure = answers.find((answer) => !isNotInDns(answer));
    if (failure?.status === 'rejected') throw failure.reason;
    return askSystemInTurn(hostname);
  }

  return (hostname) => {
    const known = underWay.get(hostname);
    if (known !== undefined) return known;
    const isLocal = !hostname.replace(/\.$/, '').includes('.');
    const question = (isLocal ? askSystem : askDns)(hostname).finally(() =>
      underWay.delete(hostname),
    );
    underWay.set(hostname, question);
    return question;
  };
}

async function askSystem(hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

function isNotInDns(answer: PromiseSettledResult<string[]>): boolean {
  return (
    answer.status === 'rejected' && NOT_IN_DNS.has((answer.reason as { code?: string }).code ?? '')
  );
}
