import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configTable } from '../src/config.ts';

/** Rows as their cells, whatever width the formatter gave the columns. */
function rows(table: string): string[][] {
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  return lines.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^-+$/, '---')),
  );
}

test('docs/configuration.md lists every variable of the configuration, as the configuration describes it', () => {
  const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'configuration.md'), 'utf8');
  const [, listed = ''] = /<!-- config:start -->\n([\s\S]*?)<!-- config:end -->/.exec(page) ?? [];
  expect(rows(listed)).toEqual(rows(configTable()));
});
