import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { configTable } from '../src/config.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(path, 'utf8');

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
  const page = read(join(root, 'docs', 'configuration.md'));
  const [, listed = ''] = /<!-- config:start -->\n([\s\S]*?)<!-- config:end -->/.exec(page) ?? [];
  expect(rows(listed)).toEqual(rows(configTable()));
});

function filesIn(folder: string, extension: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => join(root, folder, name));
}

const pages = [
  ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md'].map((name) => join(root, name)),
  ...filesIn('docs', '.md'),
];

/** Prose alone: what stands in code is no link and no heading. */
function prose(page: string): string {
  return read(page)
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .replaceAll(/`[^`\n]*`(?!\])/g, (code) => code.replaceAll(/[[\]()]/g, ''));
}

/** What a heading is linked by: lower case, no punctuation, hyphens for spaces. */
function anchors(page: string): string[] {
  return [...prose(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function brokenLinks(page: string): string[] {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchors(target).includes(anchor);
  });
}

test.each(pages.map((page) => relative(root, page)))(
  'every link in %s leads to a file and a heading that exist',
  (page) => {
    expect(brokenLinks(join(root, page))).toEqual([]);
  },
);

test('docs/README.md leads to every page', () => {
  const index = read(join(root, 'docs', 'README.md'));
  const names = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  expect(names.filter((name) => name !== 'README.md' && !index.includes(`(${name})`))).toEqual([]);
});

test('docs/operations.md quotes log messages and metrics as the source has them', () => {
  const page = read(join(root, 'docs', 'operations.md'));
  const source = filesIn('src', '.ts').map(read).join('\n');
  const log = page.slice(page.indexOf('### What the log says'));
  const messages = [...log.matchAll(/^\| `([A-Z][^`|]*)` /gm)].map(([, message]) => message!);
  const metrics = [...page.matchAll(/\bsluice_[a-z_]+[a-z]\b/g)].map(([name]) =>
    name.replace(/_bucket$/, ''),
  );
  expect(messages.length).toBeGreaterThan(10);
  expect([...messages, ...metrics].filter((text) => !source.includes(text))).toEqual([]);
});
