import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';

/** An address and port of this machine that somebody listens on; `0.0.0.0` and `::` stand for all addresses. */
export type Listener = { address: string; port: number };

const LISTENING = '0A';

/** Every TCP port these processes listen on, as the system knows it: a server may open more than it was told to. */
export async function listenersOf(pids: number[]): Promise<Listener[]> {
  if (pids.length === 0) return [];
  return process.platform === 'linux' ? fromProc(pids) : fromLsof(pids);
}

async function fromProc(pids: number[]): Promise<Listener[]> {
  const inodes = new Set((await Promise.all(pids.map(socketsOf))).flat());
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  return tables.flatMap((table) =>
    table.split('\n').flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [, local = '', , state, , , , , , inode = ''] = fields;
      return state === LISTENING && inodes.has(inode) ? listenerOf(local) : [];
    }),
  );
}

/** The inodes of the sockets a process has open; none where it has ended. */
async function socketsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const targets = await Promise.all(
    names.map((name) => readlink(`${folder}/${name}`).catch(() => '')),
  );
  return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
}

/** `0100007F:1F90`: words of four bytes, each the last byte first. */
function listenerOf(local: string): Listener[] {
  const [hex = '', port = ''] = local.split(':');
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).toReversed(),
  );
  const address =
    bytes.length === 4
      ? bytes.join('.')
      : Array.from({ length: 8 }, (_, i) =>
          ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
        ).join(':');
  return [{ address, port: Number.parseInt(port, 16) }];
}

async function fromLsof(pids: number[]): Promise<Listener[]> {
  const args = ['-nP', '-a', '-p', pids.join(','), '-iTCP', '-sTCP:LISTEN', '-Fn'];
  const output = await new Promise<string>((resolve) => {
    execFile('lsof', args, (_error, stdout) => resolve(stdout));
  });
  return output.split('\n').flatMap((line) => {
    const match = /^n(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(line);
    if (!match) return [];
    const address = match[1] ?? match[2] ?? '*';
    return [{ address: address === '*' ? '::' : address, port: Number(match[3]) }];
  });
}
