import { groupName } from './delivery-group.ts';
import { PERIOD_MS, type PacePeriod } from './pace.ts';

/** An even pace: how far apart deliveries are, and how late one may be sent before its time is void. */
export type Pace = { intervalMs: number; lateMs: number; words: string };

/** What limits deliveries: a pace, a number of open requests, both or neither. */
export type Limit = { pace: Pace | null; concurrent: number | null };

/** A destination's policy as it limits: of the whole, and of a group. */
export type Limits = { whole: Limit; ofGroup: (group: string) => Limit };

type Given<Value> = Value | null | undefined;
type Rate = {
  rate?: Given<number>;
  period?: Given<PacePeriod | 'concurrent'>;
  concurrent?: Given<number>;
};
type GroupRate = Omit<Rate, 'period'> & { rate_period?: Rate['period'] };
type Policy = Rate & {
  groups?: Given<GroupRate & { overrides?: Given<Record<string, GroupRate>> }>;
};

// What each period is stretched by: a timer that fires late, a network or a busy receiver may bring deliveries closer
// together by so much without breaking the rate.
const SPARE_MS: Record<PacePeriod, number> = { second: 30, minute: 300, hour: 300 };
// The share of what may bring them together that is ours; the rest is left to the way from here to the receiver.
const OUR_SHARE = 0.25;

const NO_POLICY: Policy = {};
// A policy in memory is replaced when it changes, and asked for its limits at every delivery.
const known = new WeakMap<Policy, Limits>();

/** What a delivery policy allows; without a policy nothing is limited. */
export function limitsOf(given: Policy | null | undefined): Limits {
  const policy = given ?? NO_POLICY;
  let limits = known.get(policy);
  if (!limits) known.set(policy, (limits = readLimits(policy)));
  return limits;
}

function readLimits({ groups, ...whole }: Policy): Limits {
  const common = limitOfGroup(groups ?? {});
  const own = new Map<string, Limit>();
  const overrides = Object.entries(groups?.overrides ?? {});
  // `7` in a policy is the number and, unless it is listed as `"7"`, the text; '' is a missing value, null and the text.
  for (const [name, rate] of overrides) {
    for (const group of name === '' ? [groupName(''), groupName(null)] : [groupName(name)]) {
      own.set(group, limitOfGroup(rate));
    }
  }
  for (const [name, rate] of overrides) own.set(name, limitOfGroup(rate));
  return { whole: limitOf(whole), ofGroup: (group) => own.get(group) ?? common };
}

function limitOfGroup({ rate_period: period, ...rate }: GroupRate): Limit {
  return limitOf({ ...rate, period });
}

function limitOf({ rate, period, concurrent }: Rate): Limit {
  const open = concurrent ?? null;
  if (!rate || !period) return { pace: null, concurrent: open };
  if (period === 'concurrent') return { pace: null, concurrent: rate };
  const spareMs = SPARE_MS[period];
  const intervalMs = (PERIOD_MS[period] + spareMs) / rate;
  // With every delivery less late than an interval and the spare, no period ever holds more than the rate plus one.
  const lateMs = (intervalMs + spareMs) * OUR_SHARE;
  return { pace: { intervalMs, lateMs, words: `${rate}/${period}` }, concurrent: open };
}
