import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf, isAsPromised, stepsOf } from './support/recipe-page.ts';

const RECIPES = join(import.meta.dirname, '..', 'docs', 'recipes');
const read = (name: string) => readFileSync(join(RECIPES, name), 'utf8');
const pages = readdirSync(RECIPES).filter((name) => name.endsWith('.md') && name !== 'README.md');

test('the index lists every recipe', () => {
  const linked = [...read('README.md').matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => name);
  expect(new Set(linked)).toEqual(new Set(pages));
});

test('a test runs every recipe', () => {
  const files = globSync(join(import.meta.dirname, 'e2e/**/*.test.ts'));
  const tests = files.map((file) => readFileSync(file, 'utf8')).join();
  expect(pages.filter((name) => !tests.includes(`'${name}'`))).toEqual([]);
});

test('every recipe begins as the index says, and ends with what to do if something goes wrong', () => {
  const [begin] = blocksOf(read('README.md'));
  const isOdd = (name: string) => {
    const [first = begin!] = stepsOf(read(name));
    return (
      !first.code.startsWith(begin!.code) || !/\n## If something goes wrong\n/.test(read(name))
    );
  };
  expect(pages.filter(isOdd)).toEqual([]);
});

describe('docs/recipes/shell.sh', () => {
  const bash = (code: string, env: Record<string, string>) =>
    spawnSync('bash', ['-c', `. docs/recipes/shell.sh\n${code}`], {
      cwd: join(RECIPES, '..', '..'),
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });

  test('says what to do where there is no API key, and stops', () => {
    const empty = mkdtempSync(join(tmpdir(), 'sluice-no-key-'));
    const { stdout, stderr } = bash('echo "status $? ${LOGS-no logs}"', {
      KEY: '',
      API_KEY: '',
      DATA_DIR: empty,
    });
    rmSync(empty, { recursive: true });
    expect(stderr).toContain('There is no API key. Start Sluice with npm start, or set KEY');
    expect(stdout).toBe('status 1 no logs\n');
  });

  test.each(['<html>502 Bad Gateway</html>', '', '42'])(
    'shows the answer %j as it is',
    (answer) => {
      const { stderr, status } = bash(`printf %s '${answer}' | pick id`, { KEY: 'sk_any' });
      const shown = answer === '' ? '(nothing)' : answer;
      expect(stderr).toBe(`This answer is not a JSON object: ${shown}\n`);
      expect(status).toBe(1);
    },
  );
});

describe('a page is taken at its word', () => {
  const page = [
    'Do this:\n\n```sh\nA=1\n```\n',
    'Then look:\n\n```sh repeat\necho $A\n```\n',
    'It prints:\n\n```text\n1\n```\n',
    'An example:\n\n```json\n{"a": 1}\n```\n',
  ].join('\n');

  test('its commands are steps, and what follows one is its promise', () => {
    expect(stepsOf(page)).toEqual([
      { code: 'A=1\n', repeats: false, promise: null },
      { code: 'echo $A\n', repeats: true, promise: { kind: 'text', text: '1\n' } },
    ]);
  });

  test.each([
    ['a="evt_1" n=2\n', 'a="evt_…" n=2\n', true],
    ['     20 SUCCESSFUL\n', '20 SUCCESSFUL\n', true],
    ['a="evt_1" n=3\n', 'a="evt_…" n=2\n', false],
    ['one\ntwo\n', 'one\n', false],
    ['one\ntwo\n', '…\n', false],
    ['', 'one\n', false],
    ['a.b\n', 'a+b\n', false],
  ])('the text %j, where it promises %j: %j', (output, text, isRight) => {
    expect(isAsPromised(output, { kind: 'text', text })).toBe(isRight);
  });

  test.each([
    ['{"id":"req_1","n":1}', '{"id":"req_…"}', true],
    ['{"list":[{"a":1,"b":2}]}', '{"list":[{"a":1}]}', true],
    ['{"id":"evt_1"}', '{"id":"req_…"}', false],
    ['{"n":1}', '{"n":"1"}', false],
    ['{"list":[1,2]}', '{"list":[1]}', false],
    ['{"n":null}', '{"m":null}', false],
    ['not JSON', '{}', false],
  ])('the JSON %s, where it promises %s: %j', (output, text, isRight) => {
    expect(isAsPromised(output, { kind: 'json', text })).toBe(isRight);
  });
});
