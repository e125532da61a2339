/**
 * How a page under docs/recipes/ is read:
 *
 * - Every ```sh block is run, in the order of the page, in one bash that starts in the folder of Sluice. What one
 *   block sets, the next ones have. Every command of it has to succeed.
 * - A ```text or ```json block behind it is what the block prints. In text, `…` stands for anything, and the amount
 *   of white space does not matter. JSON may leave fields out, and `…` in its strings stands for anything.
 * - A block that begins with ```sh repeat looks at something that takes a moment: it is run until it prints what the
 *   page promises.
 * - Blocks of any other language are for reading.
 */
export type Step = { code: string; repeats: boolean; promise: Promised | null };
type Promised = { kind: 'text' | 'json'; text: string };

type Block = { language: string; code: string };

/** The blocks of a page, in their order; `language` is all that stands behind the three backticks. */
export function blocksOf(page: string): Block[] {
  const found = page.matchAll(/^```(\S.*)\n([^]*?)^```$/gm);
  return [...found].map(([, language = '', code = '']) => ({ language: language.trim(), code }));
}

/** What the page does, step by step, with what it promises after each. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  for (const { language, code } of blocksOf(page)) {
    const last = steps.at(-1);
    if (language === 'sh' || language === 'sh repeat') {
      steps.push({ code, repeats: language === 'sh repeat', promise: null });
    } else if ((language === 'text' || language === 'json') && last?.promise === null) {
      last.promise = { kind: language, text: code };
    }
  }
  return steps;
}

/** Whether a step printed what the page promises. */
export function isAsPromised(output: string, promise: Promised | null): boolean {
  if (promise === null) return true;
  if (promise.kind === 'text') return fits(squeezed(output), squeezed(promise.text));
  try {
    return holds(JSON.parse(output), JSON.parse(promise.text));
  } catch {
    return false;
  }
}

function squeezed(text: string): string {
  const lines = text.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  return lines.join('\n').trim();
}

function fits(text: string, pattern: string): boolean {
  const parts = pattern.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}

function holds(value: unknown, promised: unknown): boolean {
  if (typeof promised === 'string') return typeof value === 'string' && fits(value, promised);
  if (Array.isArray(promised)) {
    return (
      Array.isArray(value) &&
      value.length === promised.length &&
      promised.every((item, index) => holds(value[index], item))
    );
  }
  if (typeof promised !== 'object' || promised === null) return value === promised;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(promised).every(([name, item]) =>
    holds((value as Record<string, unknown>)[name], item),
  );
}
