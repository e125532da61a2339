import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attemptStatus } from '../src/domain/schema/attempt.ts';
import { EventStatus, IgnoredCause, RejectionCause, RetryState } from '../src/domain/status.ts';

const page = readFileSync(new URL('../docs/glossary.md', import.meta.url), 'utf8');

/** The rows of the tables below a heading, up to the next one. */
function tableOf(heading: string): string {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  const [own = ''] = section.split(/\n##/);
  return own
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .join('\n');
}

test.each([
  ['Requests', [...Object.values(RejectionCause), ...Object.values(IgnoredCause)]],
  ['Events', [...Object.values(EventStatus), ...Object.values(RetryState)]],
  ['Attempts', attemptStatus.options],
])('the table of statuses has every one: %s', (heading, values) => {
  const table = tableOf(heading);
  const missing = values.filter((value) => !new RegExp(`(?:=|\`)${value}\``).test(table));
  expect(missing).toEqual([]);
  const shown = [...table.matchAll(/(?:=|`)([A-Z][A-Z_]+)`/g)].map(([, value]) => value);
  const known = [...values, 'CANCELLED', 'CANCELLED_PAST_RETENTION'];
  expect(shown.filter((value) => !known.includes(value as never))).toEqual([]);
});
