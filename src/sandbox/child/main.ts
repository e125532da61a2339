// The child: takes one job at a time from the pipe, runs it in a guest, answers, and only then clears
// up and makes the next guest ready. It holds no secret, no environment and no way out; the pool ends it.
import { addLibraries, newCell, newIsolate } from './cell.ts';
import type { Cell, GuestTexts } from './cell.ts';
import { createKeptIsolates } from './kept.ts';
import { receive, send } from './pipe.ts';
import type { ChildSettings, JobHead } from './protocol.ts';
import { runJob } from './run.ts';
import type { Job, Reply } from './run.ts';

function readTexts(): GuestTexts | undefined {
  const [settings, prelude, ...libraries] = receive() ?? [];
  if (settings === undefined || prelude === undefined) return undefined;
  const texts = new Map<string, string>();
  for (let at = 0; at + 1 < libraries.length; at += 2) {
    texts.set(libraries[at] ?? '', libraries[at + 1] ?? '');
  }
  return { settings: JSON.parse(settings) as ChildSettings, prelude, libraries: texts };
}

function readJob(limits: string): Job | undefined {
  const [head, code, input, env] = receive() ?? [];
  if (head === undefined || code === undefined || input === undefined) return undefined;
  return { head: JSON.parse(head) as JobHead, code, input, env: env ?? '{}', limits };
}

function isDone(reply: Reply): boolean {
  return reply.head.verdict === 'report' && /^\{"kind":"(?:ok|drop)"/.test(reply.report);
}

// Isolates are freed by tasks on the event loop, which a reading child would otherwise never turn.
async function turnEventLoop(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function serve(texts: GuestTexts): Promise<void> {
  const kept = createKeptIsolates(texts.settings);
  // All bytecode is made here, before the first user code.
  let spare: Cell | undefined = newCell(newIsolate(texts), texts);
  addLibraries(spare, [...texts.libraries.keys()], texts);
  spare.isolate.dispose();
  spare = newCell(newIsolate(texts), texts);
  send([JSON.stringify({ id: 0, verdict: 'ready', durationMs: 0 })]);

  const limits = JSON.stringify(texts.settings);
  for (let job = readJob(limits); job !== undefined; job = readJob(limits)) {
    const { keepAs, libraries } = job.head;
    const own = keepAs === null ? undefined : kept.take(keepAs, job.code);
    const cell: Cell =
      own === undefined ? (spare ?? newCell(newIsolate(texts), texts)) : newCell(own, texts);
    if (own === undefined) spare = undefined;
    addLibraries(cell, libraries, texts);
    const reply = runJob(cell, job);
    send([JSON.stringify(reply.head), reply.report]);

    if (keepAs !== null && isDone(reply)) {
      cell.entry.release();
      cell.context.release();
      kept.giveBack(keepAs, job.code, cell.isolate);
    } else if (!cell.isolate.isDisposed) cell.isolate.dispose();
    // Without libraries: which globals code finds must not depend on what ran before it.
    spare ??= newCell(newIsolate(texts), texts);
    await turnEventLoop();
  }
}

async function main(): Promise<void> {
  const texts = readTexts();
  if (texts !== undefined) await serve(texts);
  process.exit(0);
}

void main();
