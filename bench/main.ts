import {
  ArgumentError,
  parseArguments,
  USAGE,
  type Options,
  type ScenarioName,
} from './arguments.ts';
import { Fault } from './fault.ts';
import { describeMachine } from './machine.ts';
import type { Scenario } from './scenario.ts';
import { hang } from './scenarios/hang.ts';
import { idle } from './scenarios/idle.ts';
import { noisy } from './scenarios/noisy.ts';
import { ordered } from './scenarios/ordered.ts';
import { outage } from './scenarios/outage.ts';
import { pause } from './scenarios/pause.ts';
import { rateLimit } from './scenarios/rate-limit.ts';
import { spike } from './scenarios/spike.ts';
import { standard } from './scenarios/standard.ts';
import { sustained } from './scenarios/sustained.ts';
import { verified } from './scenarios/verified.ts';
import { openStage } from './stage.ts';
import { renderTable } from './table.ts';

const scenarios: Record<ScenarioName, Scenario> = {
  standard,
  idle,
  sustained,
  outage,
  noisy,
  pause,
  'rate-limit': rateLimit,
  ordered,
  hang,
  verified,
  spike,
};

async function measure(options: Options): Promise<void> {
  const stage = await openStage(options);
  process.once('SIGINT', () => void stage.close().then(() => process.exit(130)));
  process.once('SIGTERM', () => void stage.close().then(() => process.exit(143)));
  try {
    const { figures, tables } = await scenarios[options.scenario](stage);
    const line = { bench: options.scenario, ...figures, machine: describeMachine() };
    console.log(JSON.stringify(line));
    if (!options.json) console.log(`\n${tables.map(renderTable).join('\n\n')}`);
  } finally {
    await stage.close();
  }
}

try {
  const options = parseArguments(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await measure(options);
} catch (error) {
  console.error(error instanceof Fault ? error.message : error);
  process.exitCode = error instanceof ArgumentError ? 2 : 1;
}
