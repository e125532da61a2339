import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, expect, it } from 'vitest';
import { linkModules } from '../../src/sandbox/link/linker.ts';

const folder = mkdtempSync(join(tmpdir(), 'linker-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

it('links imports and exports of every form it knows into one expression', () => {
  write(
    'leaf.ts',
    `/** Of no use below. */\nexport const one: number = 1;\nfunction two(): number { return 2; }\nexport { two, two as deux };\n`,
  );
  write(
    'middle.js',
    `import { one as uno } from './leaf.ts';\nimport * as leaf from './leaf.ts';\nexport function sum() { return uno + leaf.two() + leaf.deux(); }\nexport class Box {}\n`,
  );
  const entry = write(
    'entry.ts',
    `import type { Gone } from './nowhere.ts';\nimport { sum } from './middle.js';\nimport os from 'node:os';\nexport const total: Gone | number = sum() + os.extra;\n`,
  );
  const text = linkModules(entry, {
    external: (name) => (name === 'node:os' ? '({ extra: 10 })' : undefined),
  });
  expect(runInNewContext(text)).toMatchObject({ total: 15 });
  expect(text).not.toContain('Of no use');
});

it('refuses a form it does not know instead of leaving it out', () => {
  const entry = write('odd.js', `export default 1;\n`);
  expect(() => linkModules(entry, { external: () => undefined })).toThrow('does not know');
});
