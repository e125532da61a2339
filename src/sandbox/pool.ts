// Runs other people's JavaScript. This process never holds an isolate: it queues jobs fairly, gives
// them to children one at a time, kills what overruns, and turns every ending into a typed outcome.
import { availableParallelism } from 'node:os';
import type { Standing } from '../domain/standing.ts';
import type { ChildOptions } from './child-process.ts';
import { Crew } from './crew.ts';
import type {
  CheckOutcome,
  CodeVersion,
  TransformJob,
  TransformOutcome,
  TransformResult,
} from './job.ts';
import { LogLevel } from './job.ts';
import { findLayers, lowPriority, type Layers } from './layers.ts';
import type { SandboxLimits } from './limits.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { SandboxLog } from './log.ts';
import { isolatedVmFolder, loadPrograms } from './programs.ts';
import { Scheduler, versionKey } from './scheduler.ts';

export type SandboxPool = {
  /** Runs one job. Every fault of the code is an outcome; only a sandbox that cannot start children throws. */
  readonly run: (job: TransformJob) => Promise<TransformOutcome>;
  /** What is known of a version of a transformation from its last runs. */
  readonly standingOf: (version: CodeVersion) => Standing;
  /** Parses code and evaluates its top level in a child, as is done before it is saved. */
  readonly check: (code: string, env?: Readonly<Record<string, string>>) => Promise<CheckOutcome>;
  /** The walls around each child that are up on this system. */
  readonly layers: readonly string[];
  /** Ends all children; jobs still waiting or running are rejected. */
  readonly close: () => Promise<void>;
};

export type SandboxPoolOptions = {
  /** How many jobs may run at once, by default one per core; one child more than that is kept ready. */
  readonly children?: number;
  readonly log: SandboxLog;
  readonly limits?: Partial<SandboxLimits>;
  /** What `findSandboxLayers` found, where it was looked for before. */
  readonly layers?: Layers;
};

// Checks of all tenants share one lane of the queue: saving code is rare, and must not wait behind events.
const CHECK = { tenant: 'check', transformationId: 'check', input: '' };

function childOptions(limits: SandboxLimits, wrapper: readonly string[]) {
  return async (): Promise<ChildOptions> => ({
    wrapper,
    programs: await loadPrograms(),
    settings: limits,
    isolatedVm: isolatedVmFolder(),
    residentBytes: limits.residentBytes,
  });
}

function refusal(result: TransformResult): TransformOutcome {
  return { ...result, logs: [], logLevel: LogLevel.Fatal, durationMs: 0, queueMs: 0 };
}

// What can be said without running anything.
function refuse(job: TransformJob, limits: SandboxLimits, openUntilMs: number | undefined) {
  const sourceBytes = Buffer.byteLength(job.code);
  if (sourceBytes > limits.sourceBytes) {
    const message = `The code has ${sourceBytes} bytes; the limit is ${limits.sourceBytes}.`;
    return refusal({ kind: 'rejected_source', message });
  }
  const inputBytes = Buffer.byteLength(job.input);
  if (inputBytes > limits.inputBytes) {
    const message = `The input has ${inputBytes} bytes; the limit is ${limits.inputBytes}.`;
    return refusal({ kind: 'too_large', message });
  }
  if (openUntilMs === undefined) return undefined;
  const seconds = Math.ceil((openUntilMs - performance.now()) / 1_000);
  const message = `This version was killed ${limits.circuitKills} times. It will not run for another ${seconds} s.`;
  return refusal({ kind: 'killed', message });
}

function checkOutcome(outcome: TransformOutcome): CheckOutcome {
  // With no input nothing is returned, which a run would refuse and a check expects.
  if (outcome.kind === 'result_error' || outcome.kind === 'ok') return { kind: 'ok' };
  if (outcome.kind === 'drop') return { kind: 'ok' };
  const { message } = outcome;
  if (outcome.kind !== 'rejected_source' && outcome.kind !== 'user_error') {
    return { kind: 'rejected_source', message };
  }
  const { line, column } = outcome;
  const place = line === undefined || column === undefined ? {} : { line, column };
  return { kind: 'rejected_source', message, ...place };
}

/** The walls this system can put around a child. */
export function findSandboxLayers(limits: SandboxLimits = DEFAULT_LIMITS): Layers {
  return findLayers(limits, [process.execPath, `${isolatedVmFolder()}isolated-vm.js`]);
}

/** Starts the children of a sandbox. */
export function createSandboxPool(options: SandboxPoolOptions): SandboxPool {
  const { log, children = availableParallelism() } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { wrapper, active } = options.layers ?? findSandboxLayers(limits);
  const makeCrew = (size: number, command: readonly string[]): Crew =>
    new Crew({
      size,
      ...limits,
      childOptions: childOptions(limits, command),
      log,
      onIdle: () => scheduler.dispatch(),
      onHelpless: (error) => scheduler.rejectWaiting(error),
    });
  const scheduler = new Scheduler({
    limits,
    atOnce: children,
    crew: makeCrew(children + 1, wrapper),
    // Where there are none, they have no child either.
    makeSuspectCrew: () => makeCrew(1, [...lowPriority(), ...wrapper]),
  });

  const run = async (job: TransformJob): Promise<TransformOutcome> => {
    const openUntilMs = scheduler.circuit.openUntil(versionKey(job), performance.now());
    return refuse(job, limits, openUntilMs) ?? scheduler.submit(job);
  };
  return {
    run,
    standingOf: (version) => scheduler.standingOf(version),
    check: async (code, env = {}) => {
      checks++;
      return checkOutcome(await run({ ...CHECK, version: String(checks), code, env }));
    },
    layers: active,
    close: () => scheduler.close(),
  };
}

// Each check is a version of its own: one hostile draft must not close the circuit for all others.
let checks = 0;
