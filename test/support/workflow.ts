import { fileURLToPath } from 'node:url';
import { defaultPayloadConverter, toPayloads, TypedSearchAttributes } from '@temporalio/common';
import { coresdk } from '@temporalio/proto';
import { bundleWorkflowCode } from '@temporalio/worker';
// Internal paths: the only way to run a workflow without a server. They change with the SDK's version, here alone.
import { parseWorkflowCode } from '@temporalio/worker/lib/worker.js';
import { VMWorkflowCreator } from '@temporalio/worker/lib/workflow/vm.js';
import type { WorkflowInfo } from '@temporalio/workflow';
import { failure, payloadOf, seedOf, timestampOf, valueOf, valuesOf } from './workflow-values.ts';

type Command = coresdk.workflow_commands.IWorkflowCommand;
type Job = coresdk.workflow_activation.IWorkflowActivationJob;
type Fakes = Record<string, (input: never) => unknown>;

// The isolate refuses a local activity that its worker does not have.
const LOCAL = new Set([
  'verifyRequests',
  'routeRequests',
  'attemptInline',
  'applyControl',
  'countHeld',
  'enterLanes',
]);

/** A signal that arrives at a time of the virtual clock (ms). */
export type TimedSignal = { atMs: number; name: string; input?: unknown };

export type WorkflowRun = {
  /** How it ended; `waiting`: it was still waiting, with no timer, when nothing was left to happen. */
  end: 'completed' | 'continued' | 'waiting';
  /** What it was continued with. */
  continuedWith: unknown[];
  /** How long each timer that fired had been set for, with what it said. */
  sleeps: { ms: number; summary: string }[];
  children: { workflowId: string; type: string; input: unknown; abandoned: boolean }[];
  /** Summaries of the activities, in order. */
  activities: string[];
  endedAtMs: number;
  /** What it warned of, in order. */
  warnings: string[];
  query(name: string): Promise<unknown>;
};

export type RunOptions = {
  activities: Fakes;
  signals?: TimedSignal[];
  /** As if the history had grown long from this time on. */
  continueAsNewSuggestedFromMs?: number;
  /** Ends the run when the clock passes this. */
  untilMs?: number;
};

/**
 * Runs our workflows in Temporal's own isolate on a virtual clock: activities are plain functions, time passes only
 * when nothing else is left to do. No server: what servers do (ids, retries of activities) is not tested here.
 */
export async function workflowRunner() {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
  const creator = await VMWorkflowCreator.create(parseWorkflowCode(code), 5_000, LOCAL);
  let runs = 0;

  return async function run(type: string, input: unknown, options: RunOptions) {
    const runId = `run-${++runs}`;
    const workflow = await creator.createWorkflow({
      info: info(type, runId),
      now: 0,
      randomnessSeed: seedOf(runs),
      showStackTraceSources: false,
    });
    const warnings: string[] = [];
    const activate: Activate = async (activation) => {
      const done = await workflow.activate(activation);
      for (const { ifaceName, fnName, args } of await workflow.getAndResetSinkCalls()) {
        if (ifaceName === '__temporal_logger' && fnName === 'warn') warnings.push(String(args[0]));
      }
      return done;
    };
    const ended = await new Run(runId, options, activate).go({
      initializeWorkflow: {
        workflowId: 'test',
        workflowType: type,
        arguments: toPayloads(defaultPayloadConverter, input) ?? [],
        randomnessSeed: { low: runs, high: 0, unsigned: true } as never,
      },
    });
    return { ...ended, warnings };
  };
}

type Activate = (
  activation: coresdk.workflow_activation.IWorkflowActivation,
) => Promise<coresdk.workflow_completion.IWorkflowActivationCompletion>;
type Timer = { seq: number; setAtMs: number; atMs: number; summary: string };
type Pending = { job: Promise<Job> };

/** One workflow run: hands it activations, does what it commands, moves the clock. */
class Run {
  private nowMs = 0;
  private timers: Timer[] = [];
  private signals: TimedSignal[];
  private pending = new Set<Pending>();
  private end: WorkflowRun['end'] | null = null;
  private readonly seen: Omit<WorkflowRun, 'end' | 'endedAtMs' | 'warnings' | 'query'> = {
    continuedWith: [],
    sleeps: [],
    children: [],
    activities: [],
  };
  private readonly runId: string;
  private readonly options: RunOptions;
  private readonly activate: Activate;

  constructor(runId: string, options: RunOptions, activate: Activate) {
    this.runId = runId;
    this.options = options;
    this.activate = activate;
    this.signals = (options.signals ?? []).toSorted((a, b) => a.atMs - b.atMs);
  }

  async go(first: Job): Promise<Omit<WorkflowRun, 'warnings'>> {
    let jobs: Job[] | null = [first];
    while (jobs && this.end === null) {
      const commands = await this.step(jobs);
      for (const command of commands) this.obey(command);
      jobs = this.end === null ? await this.next() : null;
    }
    return {
      ...this.seen,
      end: this.end ?? 'waiting',
      endedAtMs: this.nowMs,
      query: (name) => this.query(name),
    };
  }

  private async step(jobs: Job[]): Promise<Command[]> {
    const suggestedFrom = this.options.continueAsNewSuggestedFromMs ?? Infinity;
    const done = await this.activate(
      coresdk.workflow_activation.WorkflowActivation.fromObject({
        runId: this.runId,
        timestamp: timestampOf(this.nowMs),
        continueAsNewSuggested: this.nowMs >= suggestedFrom,
        jobs,
      }),
    );
    if (done.failed) throw new Error(done.failed.failure?.message ?? 'The workflow task failed');
    return done.successful?.commands ?? [];
  }

  private obey(command: Command): void {
    const said = valueOf(command.userMetadata?.summary);
    const summary = typeof said === 'string' ? said : '';
    if (command.startTimer) {
      const { seq, startToFireTimeout: after } = command.startTimer;
      const ms = Number(after?.seconds ?? 0) * 1000 + (after?.nanos ?? 0) / 1e6;
      this.timers.push({
        seq: seq!,
        setAtMs: this.nowMs,
        atMs: this.nowMs + ms,
        summary,
      });
    } else if (command.cancelTimer) {
      this.timers = this.timers.filter((timer) => timer.seq !== command.cancelTimer!.seq);
    } else if (command.scheduleActivity ?? command.scheduleLocalActivity) {
      this.seen.activities.push(summary);
      this.pending.add({ job: this.doActivity(command) });
    } else if (command.startChildWorkflowExecution) this.startChild(command);
    else if (command.completeWorkflowExecution) this.end = 'completed';
    else if (command.continueAsNewWorkflowExecution) {
      this.end = 'continued';
      this.seen.continuedWith = valuesOf(command.continueAsNewWorkflowExecution.arguments);
    } else if (command.failWorkflowExecution) {
      throw new Error(command.failWorkflowExecution.failure?.message ?? 'The workflow failed');
    }
  }

  private async doActivity(command: Command): Promise<Job> {
    const local = command.scheduleLocalActivity;
    const order = command.scheduleActivity ?? local!;
    const fake = this.options.activities[order.activityType!];
    const [input] = valuesOf(order.arguments);
    const seq = order.seq!;
    try {
      if (!fake) throw new Error(`No activity ${order.activityType}`);
      const result = payloadOf(await fake(input as never));
      return {
        resolveActivity: { seq, isLocal: Boolean(local), result: { completed: { result } } },
      };
    } catch (error) {
      return { resolveActivity: { seq, isLocal: Boolean(local), result: failure(error) } };
    }
  }

  private startChild({ startChildWorkflowExecution: child }: Command): void {
    const { ParentClosePolicy } = coresdk.child_workflow;
    this.seen.children.push({
      workflowId: child!.workflowId!,
      type: child!.workflowType!,
      input: valuesOf(child!.input)[0],
      abandoned: child!.parentClosePolicy === ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON,
    });
    const resolveChildWorkflowExecutionStart = { seq: child!.seq!, succeeded: { runId: 'child' } };
    this.pending.add({ job: Promise.resolve({ resolveChildWorkflowExecutionStart }) });
  }

  /** What happens next: an activity that ends, else the earliest of signals and timers; null when nothing is left. */
  private async next(): Promise<Job[] | null> {
    if (this.pending.size > 0) {
      const first = await Promise.race(
        [...this.pending].map(async (pending) => ({ pending, job: await pending.job })),
      );
      this.pending.delete(first.pending);
      return [first.job];
    }
    const timer = this.timers.toSorted((a, b) => a.atMs - b.atMs)[0];
    const signal = this.signals[0];
    if (signal && signal.atMs <= (timer?.atMs ?? Infinity)) {
      this.signals.shift();
      this.nowMs = Math.max(this.nowMs, signal.atMs);
      const input = signal.input === undefined ? [] : [payloadOf(signal.input)];
      return [{ signalWorkflow: { signalName: signal.name, input } }];
    }
    if (!timer || timer.atMs > (this.options.untilMs ?? Infinity)) return null;
    this.nowMs = timer.atMs;
    this.timers = this.timers.filter((other) => other !== timer);
    this.seen.sleeps.push({ ms: timer.atMs - timer.setAtMs, summary: timer.summary });
    return [{ fireTimer: { seq: timer.seq } }];
  }

  private async query(name: string): Promise<unknown> {
    const [answer] = await this.step([
      { queryWorkflow: { queryId: 'q', queryType: name, arguments: [] } },
    ]);
    if (answer?.respondToQuery?.failed) throw new Error(answer.respondToQuery.failed.message ?? '');
    return valueOf(answer?.respondToQuery?.succeeded?.response);
  }
}

function info(workflowType: string, runId: string): WorkflowInfo {
  return {
    workflowId: 'test',
    workflowType,
    runId,
    firstExecutionRunId: runId,
    originalExecutionRunId: runId,
    searchAttributes: {},
    typedSearchAttributes: new TypedSearchAttributes(),
    namespace: 'default',
    taskQueue: 'test',
    startTime: new Date(0),
    runStartTime: new Date(0),
    taskTimeoutMs: 10_000,
    attempt: 1,
    historyLength: 3,
    historySize: 300,
    continueAsNewSuggested: false,
    targetWorkerDeploymentVersionChanged: false,
    unsafe: { now: () => 0, isReplaying: false, isReplayingHistoryEvents: false } as never,
  };
}
