// Which walls this system can put around a child. Each is tried once on a harmless program; one that
// does not work is left out and named in the log, for a gateway with fewer walls beats none at all.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { SandboxLimits } from './limits.ts';

// Ours to search, since no part of the environment is.
const TOOL_FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
const UNPRIVILEGED_ID = 65_534;
// A child lives ten minutes; one that outlived its pool in a loop nothing can interrupt ends here.
const CPU_SECONDS = 1_800;

export type Layers = {
  /** The command in front of the child's own, empty where the system has no tool at all. */
  readonly wrapper: readonly string[];
  readonly active: readonly string[];
  readonly missing: readonly string[];
};

type Layer = { readonly name: string; readonly tool: string; readonly options: readonly string[] };

/** The command in front of a child that is to get what others leave of the processors; empty where there is none. */
export function lowPriority(): readonly string[] {
  const nice = findTool('nice');
  return nice === undefined ? [] : [nice, '-n', '10'];
}

function findTool(name: string): string | undefined {
  return TOOL_FOLDERS.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// In the order in which they wrap: the network goes while there are rights to take it away, limits
// last. Of the alternatives of one step the first that works is taken.
function steps({ dataBytes }: SandboxLimits, isRoot: boolean): Layer[][] {
  const user = [`--reuid=${UNPRIVILEGED_ID}`, `--regid=${UNPRIVILEGED_ID}`, '--clear-groups'];
  const bounds = ['--bounding-set=-all', '--inh-caps=-all'];
  const data = [`--data=${dataBytes}`, '--nofile=64', '--core=0', `--cpu=${CPU_SECONDS}`];
  const network = isRoot ? ['--net'] : ['--user', '--net'];
  // Root without capabilities still reads what root owns: the way out where the sources lie in a
  // folder that no other user may enter.
  const identity = [
    { name: `user ${UNPRIVILEGED_ID}`, tool: 'setpriv', options: [...user, ...bounds] },
    { name: 'root without capabilities', tool: 'setpriv', options: bounds },
  ];
  return [
    [{ name: 'no network', tool: 'unshare', options: network }],
    ...(isRoot ? [identity] : []),
    [
      {
        name: 'no new privileges',
        tool: 'setpriv',
        options: ['--no-new-privs', '--pdeathsig=KILL'],
      },
    ],
    [{ name: 'memory and file limits', tool: 'prlimit', options: data }],
  ];
}

// `test` stands for the child: it must start, and must be able to read what the child will load.
function works(wrapper: readonly string[], readable: readonly string[]): boolean {
  const test = findTool('test');
  const [command, ...options] = wrapper;
  if (test === undefined || command === undefined) return false;
  const conditions = readable.flatMap((path, at) => [...(at === 0 ? [] : ['-a']), '-r', path]);
  const { status } = spawnSync(command, [...options, test, ...conditions], {
    env: {},
    cwd: '/',
    stdio: 'ignore',
    timeout: 5_000,
  });
  return status === 0;
}

/** Finds the working layers; `readable` are the files a child must still be able to read inside them. */
export function findLayers(limits: SandboxLimits, readable: readonly string[]): Layers {
  let wrapper: string[] = [];
  const active: string[] = ['process per job', 'no JIT, no WebAssembly', 'empty environment'];
  const missing: string[] = [];
  for (const alternatives of steps(limits, process.getuid?.() === 0)) {
    const extended = alternatives.map(({ name, tool, options }) => {
      return { name, command: [...wrapper, findTool(tool) ?? '', ...options] };
    });
    const found = extended.find(({ command }) => !command.includes('') && works(command, readable));
    if (found !== undefined) wrapper = found.command;
    for (const { name } of alternatives) {
      if (name === found?.name) {
        active.push(name);
        break;
      }
      missing.push(name);
    }
  }
  return { wrapper, active, missing };
}
