import { arrivalsAt, orderViolations } from '../deliveries.ts';
import { figuresOf, figureTables } from '../figures.ts';
import { makeLane } from '../lane.ts';
import { run } from '../run.ts';
import type { Outcome } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { show } from '../table.ts';
import { warmUp } from '../warm-up.ts';

const CUSTOMERS = 100;
const FAILING_SHARE = 0.02;

/** Ordered delivery over a hundred customers while the destination fails now and then. */
export async function ordered(stage: Stage): Promise<Outcome> {
  const { rate = 300, seconds = 30, bodyBytes, drainSeconds } = stage.options;
  const lane = await makeLane(stage, {
    name: 'ordered',
    rules: [{ type: 'retry', strategy: 'linear', interval: 1_000, count: 100 }],
    connection: { ordering: { key: 'body.customer_id' } },
  });
  const stream = { lane, rate, seconds, bodyBytes, customers: CUSTOMERS };
  await warmUp(stage, [stream]);
  const id = lane.targets[0]!.receiverId;
  await stage.receiver.call('behave', { id, behaviour: { kind: 'fail', share: FAILING_SHARE } });
  stage.say(`Measuring ${rate}/s over ${CUSTOMERS} customers, ${FAILING_SHARE * 100} % failing`);
  const result = await run(stage, { streams: [stream], drainSeconds });
  const figures = figuresOf(result, stream);
  const seqs = arrivalsAt(result.arrivals, id).map((arrival) => arrival.seq);
  const violations = orderViolations(seqs, CUSTOMERS);
  const title = `${rate}/s in order over ${CUSTOMERS} customers`;
  return {
    figures: { customers: CUSTOMERS, failingShare: FAILING_SHARE, violations, ...figures },
    tables: [
      { title: 'Order', rows: [['out of order', show(violations)]] },
      ...figureTables(figures, title),
    ],
  };
}
