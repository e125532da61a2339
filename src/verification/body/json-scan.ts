/** A value in a JSON text: its bytes from `start` to `end`; `item` is its place in the innermost list on the way to it. */
export type Span = { start: number; end: number; item: number };

export type ScanProblem = 'INVALID' | 'DOUBLED' | 'TOO_MANY';

type Node = { path: string | null; names: Map<string, Node>; each: Node | null };

/** More than any batch holds, and few enough to keep. */
const MOST_SPANS = 100_000;
const STEP_BYTES = 65_536;

const EACH = '*';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const LITERALS = ['true', 'false', 'null'].map((word) => Buffer.from(word));

/**
 * Finds values in a JSON text without making anything of the rest: hostile text costs the time to read it, and no
 * memory. Paths are names joined by dots, `*` for every element of a list, a number for one. Yields after each part, so that others can go
 * on in between. A member on one of the paths that stands twice is a problem: two readers could take different ones.
 */
export function* scanJson(
  json: Buffer,
  paths: readonly string[],
): Generator<undefined, Map<string, Span[]> | ScanProblem> {
  const scan = new Scan(json, paths);
  for (let until = STEP_BYTES; scan.run(until); until = scan.at + STEP_BYTES) yield undefined;
  return scan.result();
}

function treeOf(paths: readonly string[]): Node {
  const root: Node = { path: null, names: new Map(), each: null };
  for (const path of paths) {
    let node = root;
    for (const step of path.split('.')) node = childOf(node, step);
    node.path = path;
  }
  return root;
}

function childOf(node: Node, step: string): Node {
  const known = step === EACH ? node.each : node.names.get(step);
  if (known) return known;
  const made: Node = { path: null, names: new Map(), each: null };
  if (step === EACH) node.each = made;
  else node.names.set(step, made);
  return made;
}

/** What may come next. */
const Next = { VALUE: 0, VALUE_OR_END: 1, KEY: 2, KEY_OR_END: 3, COLON: 4, COMMA: 5, NOTHING: 6 };

type Frame = { node: Node; start: number; isList: boolean; item: number; seen: Node[] };

class Scan {
  at = 0;
  private readonly json: Buffer;
  private readonly found: Map<string, Span[]>;
  // Frames are kept only on the paths; of everything else it is enough to know which bracket closes it.
  private readonly frames: Frame[] = [];
  private readonly brackets = createBrackets();
  private next: number = Next.VALUE;
  private node: Node | null;
  private item = -1;
  private spans = 0;
  private problem: ScanProblem | null = null;

  constructor(json: Buffer, paths: readonly string[]) {
    this.json = json;
    this.found = new Map(paths.map((path) => [path, []]));
    this.node = treeOf(paths);
  }

  /** Goes on to about this byte; false at the end, or where the text is no JSON. */
  run(until: number): boolean {
    const end = Math.min(until, this.json.length);
    while (this.at >= 0 && this.at < end && this.problem === null) {
      const byte = this.json[this.at] ?? 0;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) this.at++;
      else this.step(byte);
    }
    return this.at >= 0 && this.at < this.json.length && this.problem === null;
  }

  result(): Map<string, Span[]> | ScanProblem {
    if (this.problem !== null) return this.problem;
    return this.at < 0 || this.next !== Next.NOTHING ? 'INVALID' : this.found;
  }

  private step(byte: number): void {
    switch (this.next) {
      case Next.VALUE_OR_END:
        return byte === 0x5d ? this.close() : this.value(byte);
      case Next.VALUE:
        return this.value(byte);
      case Next.KEY_OR_END:
        return byte === 0x7d ? this.close() : this.key(byte);
      case Next.KEY:
        return this.key(byte);
      case Next.COLON:
        return byte === 0x3a ? this.go(Next.VALUE) : this.fail();
      case Next.COMMA:
        if (byte === 0x2c) return this.go(this.brackets.isList() ? Next.VALUE : Next.KEY);
        return byte === (this.brackets.isList() ? 0x5d : 0x7d) ? this.close() : this.fail();
    }
    this.fail();
  }

  private go(next: number): void {
    this.at++;
    this.next = next;
  }

  private fail(): void {
    this.at = -1;
  }

  /** The innermost open object or list, where it lies on a path. */
  private frame(): Frame | undefined {
    return this.frames.length === this.brackets.depth() ? this.frames.at(-1) : undefined;
  }

  private key(byte: number): void {
    const start = this.at;
    this.at = byte === QUOTE ? endOfString(this.json, start) : -1;
    if (this.at < 0) return;
    const parent = this.frame();
    this.node = parent?.node.names.get(nameIn(this.json, { start, end: this.at })) ?? null;
    if (parent && this.node) {
      if (parent.seen.includes(this.node)) this.problem = 'DOUBLED';
      parent.seen.push(this.node);
    }
    this.next = Next.COLON;
  }

  private value(byte: number): void {
    const parent = this.frame();
    if (parent?.isList) {
      this.item++;
      this.node = parent.node.names.get(String(this.item)) ?? parent.node.each;
    } else if (!parent && this.brackets.depth() > 0) this.node = null;
    if (byte === 0x7b || byte === 0x5b) return this.open(byte === 0x5b);
    const start = this.at;
    this.at = byte === QUOTE ? endOfString(this.json, start) : endOfWord(this.json, start);
    if (this.at >= 0) this.end(this.node, { start, item: this.item });
  }

  private open(isList: boolean): void {
    if (this.node !== null) {
      const { node, at: start, item } = this;
      this.frames.push({ node, start, isList, item, seen: [] });
      if (isList) this.item = -1;
    }
    this.brackets.push(isList);
    this.go(isList ? Next.VALUE_OR_END : Next.KEY_OR_END);
  }

  private close(): void {
    const closed = this.frame();
    this.brackets.pop();
    this.at++;
    if (closed) {
      this.frames.pop();
      this.item = closed.item;
    }
    this.end(closed?.node ?? null, { start: closed?.start ?? 0, item: closed?.item ?? -1 });
  }

  private end(node: Node | null, { start, item }: { start: number; item: number }): void {
    if (node !== null && node.path !== null) {
      if (++this.spans > MOST_SPANS) this.problem = 'TOO_MANY';
      else this.found.get(node.path)?.push({ start, end: this.at, item });
    }
    this.next = this.brackets.depth() === 0 ? Next.NOTHING : Next.COMMA;
  }
}

/** Which brackets are open: a byte each, however deep a text is. */
function createBrackets() {
  let kinds = new Uint8Array(64);
  let depth = 0;
  return {
    depth: () => depth,
    isList: () => kinds[depth - 1] === 1,
    push(isList: boolean) {
      if (depth === kinds.length) {
        const larger = new Uint8Array(2 * depth);
        larger.set(kinds);
        kinds = larger;
      }
      kinds[depth++] = isList ? 1 : 0;
    },
    pop() {
      depth--;
    },
  };
}

function nameIn(json: Buffer, { start, end }: { start: number; end: number }): string {
  const name = json.toString('utf8', start + 1, end - 1);
  return name.includes('\\') ? (JSON.parse(`"${name}"`) as string) : name;
}

/** Where the string that begins at a quote ends; -1 where it does not, or is none. */
function endOfString(json: Buffer, quote: number): number {
  for (let at = quote + 1; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return -1;
    if (byte !== BACKSLASH) continue;
    const escape = json[++at] ?? 0;
    if (escape === 0x75) {
      if (!/^[\da-f]{4}$/i.test(json.toString('latin1', at + 1, at + 5))) return -1;
      at += 4;
    } else if (!ESCAPES.has(escape)) return -1;
  }
  return -1;
}

/** Where the number or literal that begins here ends; -1 where there is none. */
function endOfWord(json: Buffer, start: number): number {
  for (const word of LITERALS) {
    const end = start + word.length;
    if (json[start] === word[0])
      return json.compare(word, 0, word.length, start, Math.min(end, json.length)) === 0 ? end : -1;
  }
  let at = json[start] === 0x2d ? start + 1 : start;
  const whole = endOfDigits(json, at);
  if (whole === at || (json[at] === 0x30 && whole > at + 1)) return -1;
  at = whole;
  if (json[at] === 0x2e) {
    const fraction = endOfDigits(json, at + 1);
    if (fraction === at + 1) return -1;
    at = fraction;
  }
  if (json[at] === 0x65 || json[at] === 0x45) {
    const sign = json[at + 1];
    const from = at + (sign === 0x2b || sign === 0x2d ? 2 : 1);
    at = endOfDigits(json, from);
    if (at === from) return -1;
  }
  return at;
}

function endOfDigits(json: Buffer, from: number): number {
  let at = from;
  for (let byte = json[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = json[at] ?? 0) at++;
  return at;
}
