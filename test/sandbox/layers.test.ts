import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findLayers } from '../../src/sandbox/layers.ts';
import { DEFAULT_LIMITS } from '../../src/sandbox/limits.ts';

const isRoot = process.getuid?.() === 0;

it('every layer is either active or named as missing', () => {
  const { active, missing } = findLayers(DEFAULT_LIMITS, [process.execPath]);
  expect(active).toContain('process per job');
  for (const layer of ['no network', 'no new privileges', 'memory and file limits']) {
    expect([...active, ...missing]).toContain(layer);
  }
});

it.runIf(isRoot)(
  'sources in a folder no other user may enter cost the other user, not the sandbox',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'closed-'));
    const file = join(folder, 'source');
    writeFileSync(file, 'readable');
    chmodSync(folder, 0o700);
    const { wrapper, active, missing } = findLayers(DEFAULT_LIMITS, [process.execPath, file]);
    const [command = '', ...options] = wrapper;
    const read = spawnSync(command, [...options, '/bin/cat', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(missing).toEqual(['user 65534']);
    expect(active).toContain('root without capabilities');
    expect(read.stdout).toBe('readable');
  },
);

it('a file nobody can read leaves no layer, and says so', () => {
  const { wrapper, missing } = findLayers(DEFAULT_LIMITS, ['/does/not/exist']);
  expect(wrapper).toEqual([]);
  expect(missing).toContain('memory and file limits');
});
