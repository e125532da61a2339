import { readdirSync, readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import config from '../vitest.config.ts';

type Project = { name: string; include: string[]; exclude?: string[] };

const root = fileURLToPath(new URL('..', import.meta.url));
const projects = ((config.test?.projects ?? []) as { test: Project }[]).map((one) => one.test);
const files = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => ({ path: `test/${path}`, text: readFileSync(`${root}/test/${path}`, 'utf8') }));

function projectsOf(path: string): string[] {
  const matches = (globs: string[] = []) => globs.some((glob) => matchesGlob(path, glob));
  return projects
    .filter(({ include, exclude }) => matches(include) && !matches(exclude))
    .map(({ name }) => name);
}

function pathsOf(wrong: { path: string }[]): string[] {
  return wrong.map(({ path }) => path);
}

const imports = (text: string, name: string) => text.includes(`/support/${name}.ts'`);
const isTimed = (path: string) => path.endsWith('.timed.test.ts');

describe('every file of tests runs once, in the company it can bear', () => {
  test('it belongs to one project', () => {
    const lost = files.filter(({ path }) => projectsOf(path).length !== 1);
    expect(pathsOf(lost)).toEqual([]);
  });

  test('what measures how long something takes runs alone', () => {
    // A least time is a promise that any machine keeps; a most one is not.
    const measures = /\.now\(\) - \w+\)\s*\.toBeLessThan|(queue|duration)Ms\)\s*\.toBeLessThan/;
    const wrong = files.filter(({ path, text }) => measures.test(text) && !isTimed(path));
    expect(pathsOf(wrong)).toEqual([]);
  });

  test('what runs alone asks for no servers of others', () => {
    const wrong = files.filter(
      ({ path, text }) =>
        isTimed(path) && (imports(text, 'postgres') || imports(text, 'shared-gateway')),
    );
    expect(pathsOf(wrong)).toEqual([]);
  });

  test('the shared gateway is used by the files of its folder, and these bring none of their own', () => {
    const wrong = files.filter(({ path, text }) => {
      const isShared = path.startsWith('test/e2e/shared/');
      const brings = imports(text, 'gateway') || imports(text, 'split-gateway');
      return isShared ? brings : imports(text, 'shared-gateway');
    });
    expect(pathsOf(wrong)).toEqual([]);
  });
});

test('none is skipped for good, and none is the only one', () => {
  const wrong = files.filter(({ text }) => /\b(test|it|describe)\.(skip|only|todo)\(/.test(text));
  expect(pathsOf(wrong)).toEqual([]);
});
