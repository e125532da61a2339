// The children: as many as jobs may run at once and one more, ready for the moment one is killed.
import { SandboxChild } from './child-process.ts';
import type { ChildEnd, ChildOptions } from './child-process.ts';
import type { SandboxLog } from './log.ts';

const WATCH_EVERY_MS = 20;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;

export type CrewOptions = {
  readonly size: number;
  readonly recycleJobs: number;
  readonly recycleAgeMs: number;
  readonly childOptions: () => Promise<ChildOptions>;
  readonly log: SandboxLog;
  readonly onIdle: () => void;
  /** Called when children keep failing to start and none is left. */
  readonly onHelpless: (error: Error) => void;
};

/** Keeps a number of children alive, and hands out the idle ones. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #all = new Set<SandboxChild>();
  readonly #idle: SandboxChild[] = [];
  readonly #busy = new Set<SandboxChild>();
  readonly #ends = new Set<Promise<ChildEnd>>();
  #failures = 0;
  #starting = 0;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#fill();
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** The child that has been idle longest: it has had time to make its next guest ready. */
  take(): SandboxChild | undefined {
    const child = this.#idle.shift();
    if (child === undefined) return undefined;
    this.#busy.add(child);
    this.#watch ??= setInterval(() => this.#inspect(), WATCH_EVERY_MS);
    return child;
  }

  giveBack(child: SandboxChild, { retire }: { retire: boolean }): void {
    this.#busy.delete(child);
    if (this.#busy.size === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    }
    const { recycleJobs, recycleAgeMs } = this.#options;
    const isOld =
      child.jobsDone >= recycleJobs || performance.now() - child.bornAtMs >= recycleAgeMs;
    if (retire || isOld) this.#dismiss(child);
    else if (this.#all.has(child)) this.#idle.push(child);
  }

  /** Replaces all that have no job: what ended one from outside may have ended them too, unheard of as yet. */
  renew(): void {
    this.#idle.length = 0;
    for (const child of this.#all) if (!this.#busy.has(child)) this.#dismiss(child);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    this.#idle.length = 0;
    for (const child of this.#all) child.kill('retired');
    await Promise.all(this.#ends);
  }

  #inspect(): void {
    const nowMs = performance.now();
    for (const child of this.#all) child.inspect(nowMs);
  }

  #dismiss(child: SandboxChild): void {
    this.#all.delete(child);
    child.kill('retired');
    this.#fill();
  }

  #fill(): void {
    if (this.#retry !== undefined) return;
    while (!this.#closed && this.#all.size + this.#starting < this.#options.size) {
      this.#starting++;
      void this.#start();
    }
  }

  async #start(): Promise<void> {
    let problem: string;
    try {
      const options = await this.#options.childOptions();
      if (this.#closed) return;
      problem = await this.#launch(options);
    } catch (error) {
      problem = String(error);
      this.#starting--;
    }
    if (problem !== '' && !this.#closed) this.#backOff(problem);
  }

  async #launch(options: ChildOptions): Promise<string> {
    const child = new SandboxChild(options);
    this.#starting--;
    this.#all.add(child);
    this.#ends.add(child.ended);
    void this.#follow(child);
    if (!(await child.ready)) {
      const { cause, stderr } = await child.ended;
      return cause === 'retired' ? '' : stderr || 'the child ended at once';
    }
    this.#failures = 0;
    if (this.#all.has(child)) this.#idle.push(child);
    this.#options.onIdle();
    return '';
  }

  async #follow(child: SandboxChild): Promise<void> {
    const end = await child.ended;
    this.#ends.delete(child.ended);
    this.#all.delete(child);
    const at = this.#idle.indexOf(child);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#closed || end.cause === 'retired') return;
    this.#options.log.warn(
      { cause: end.cause, signal: end.signal, code: end.code },
      'Sandbox child ended',
    );
    // One that never got ready is started again by the back-off of its launch.
    if (await child.ready) this.#fill();
  }

  #backOff(problem: string): void {
    this.#failures++;
    this.#options.log.warn({ problem, failures: this.#failures }, 'Sandbox child did not start');
    const delayMs = Math.min(FIRST_BACKOFF_MS * 2 ** (this.#failures - 1), LONGEST_BACKOFF_MS);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#fill();
    }, delayMs);
    if (this.#failures >= 2 && this.#all.size === 0) {
      this.#options.onHelpless(new Error(`No sandbox child starts: ${problem}`));
    }
  }
}
