// A cell is an isolate with a context in which the prelude ran, ready for one event.
import { randomBytes } from 'node:crypto';
import ivm from 'isolated-vm';
import type { ChildSettings } from './protocol.ts';

export type GuestTexts = {
  readonly settings: ChildSettings;
  readonly prelude: string;
  readonly libraries: ReadonlyMap<string, string>;
};

/** The prelude's one function, as a handle that can be called and nothing else. */
type Entry = ivm.Reference<(...strings: string[]) => string>;
export type Cell = {
  readonly isolate: ivm.Isolate;
  readonly context: ivm.Context;
  readonly entry: Entry;
  readonly libraries: Set<string>;
};

// Bytecode of our own programs, made in this child before any user code ran in it.
const bytecode = new Map<string, ivm.ExternalCopy<ArrayBuffer>>();

function compile(isolate: ivm.Isolate, name: string, text: string): ivm.Script {
  const filename = `sluice:${name}`;
  const cached = bytecode.get(name);
  if (cached !== undefined) {
    return isolate.compileScriptSync(text, { filename, cachedData: cached });
  }
  const script = isolate.compileScriptSync(text, { filename, produceCachedData: true });
  // Its types leave this out of what a compiled script may carry.
  const { cachedData } = script as { cachedData?: ivm.ExternalCopy<ArrayBuffer> };
  if (cachedData !== undefined) bytecode.set(name, cachedData);
  return script;
}

export function newIsolate({ settings }: GuestTexts): ivm.Isolate {
  // Without a handler for catastrophes: where memory runs out the process then aborts at once. A handler would be
  // called on a thread that waits for the isolate, while the isolate sleeps.
  return new ivm.Isolate({ memoryLimit: settings.isolateMemoryMb });
}

/** A fresh context with the prelude in a new or kept isolate. */
export function newCell(isolate: ivm.Isolate, texts: GuestTexts): Cell {
  const context = isolate.createContextSync();
  const script = compile(isolate, 'prelude', texts.prelude);
  const entry: Entry = script.runSync(context, { reference: true });
  return { isolate, context, entry, libraries: new Set() };
}

/** Adds guest libraries that are not there yet; must run before any user code does. */
export function addLibraries(cell: Cell, names: readonly string[], texts: GuestTexts): void {
  for (const name of names) {
    const text = texts.libraries.get(name);
    if (text === undefined || cell.libraries.has(name)) continue;
    cell.libraries.add(name);
    const script = compile(cell.isolate, name, text);
    const install: Entry = script.runSync(cell.context, { reference: true });
    install.applySync(undefined, [randomBytes(32).toString('hex')]);
    install.release();
  }
}
