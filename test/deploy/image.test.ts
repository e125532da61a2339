import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { composeFile, root } from './compose-file.ts';

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>;
};

const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
  sources.split(' '),
);

describe('the image', () => {
  test('runs the Node that the project is developed on, on a pinned base', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases)).toEqual(
      new Set([`node:${manifest.dependencies['node']}-bookworm-slim`]),
    );
  });

  test('is named by the version of the project', () => {
    expect(composeFile().services['api']?.image).toBe(`sluice:${manifest.version}`);
  });

  test('copies only what exists and what the build is given', () => {
    const ignore = readFileSync(join(root, '.dockerignore'), 'utf8').trim().split('\n');
    expect(ignore[0]).toBe('*');
    const given = ignore.slice(1).map((line) => {
      expect(line).toMatch(/^!/);
      return new RegExp(`^${line.slice(1).replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    });
    expect(copied).toContain('src');
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const held = copied.filter((path) => !given.some((pattern) => pattern.test(path)));
    expect(held).toEqual([]);
  });

  test('ends as an ordinary user', () => {
    const instructions = dockerfile.split('\n').filter((line) => /^[A-Z]+ /.test(line));
    const last = instructions.findLastIndex((line) => line.startsWith('USER '));
    expect(instructions[last]).toBe('USER node');
    expect(instructions.slice(last).some((line) => line.startsWith('RUN '))).toBe(false);
  });

  test('holds every package that the code imports: none of them is for development only', () => {
    const imported = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
      .flatMap((text) => [
        ...text.matchAll(/^(?:import|(?:import|export|\}).*\bfrom) '([^'.][^'\n]*)'/gm),
      ])
      .map(([, name = '']) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
      .filter((name) => !isBuiltin(name) && !name.startsWith('node:'));
    expect(imported).toContain('pg');
    const missing = [...new Set(imported)].filter((name) => !(name in manifest.dependencies));
    expect(missing).toEqual([]);
  });
});

test('the lock file lists the native packages of every system, or npm ci refuses it', () => {
  const there = Object.keys(lock.packages);
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !there.some((other) => other.endsWith(`node_modules/${name}`)))
      .map((name) => `${path} wants ${name}`),
  );
  expect(missing).toEqual([]);
});
