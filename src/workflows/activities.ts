import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/control.ts';
import type { DeliveryActivities } from '../activities/delivery.ts';
import type { LaneActivities } from '../activities/lanes.ts';
import type { RoutingActivities } from '../activities/routing.ts';
import type { VerificationActivities } from '../activities/verification.ts';

/** Short steps of our own over PostgreSQL: tried again until they succeed, for they fail only while something is down. */
export function routing(summary: string): RoutingActivities & VerificationActivities {
  return proxyLocalActivities<RoutingActivities & VerificationActivities>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/** First attempts inside the parent; what is not over within its time goes on in a child. */
export function firstAttempts(summary: string): Pick<DeliveryActivities, 'attemptInline'> {
  return proxyLocalActivities<DeliveryActivities>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/**
 * Attempts of a delivery. Temporal repeats the activity only when a worker died or a server was down; a failed attempt
 * is not a failed activity: its retry is a new attempt with its own row.
 */
export function attempts(summary: string): Pick<DeliveryActivities, 'attemptDeliveries'> {
  return proxyActivities<DeliveryActivities>({
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/** A change of a gate: one statement of our own, tried again until it succeeds. */
export function applying(summary: string): Pick<ControlActivities, 'applyControl'> {
  return proxyLocalActivities<ControlActivities>({
    startToCloseTimeout: '10s',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/** A count on behalf of somebody who waits for it. */
export function counting(summary: string): Pick<ControlActivities, 'countHeld'> {
  return proxyLocalActivities<ControlActivities>({
    startToCloseTimeout: '20s',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/** What is done with all that waits at a gate may take long: it beats, and goes on where it was when a worker died. */
export function pumping(summary: string): Pick<ControlActivities, 'pumpParked' | 'holdWaiting'> {
  return proxyActivities<ControlActivities>({
    startToCloseTimeout: '12 hours',
    heartbeatTimeout: '20s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/** Lanes are drained as long as there is something to do, a minute at most; it beats like an attempt. */
export function draining(summary: string): Pick<LaneActivities, 'drainLanes'> {
  return proxyActivities<LaneActivities>({
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/** A look whether somebody drains the lanes, and a signal where nobody does. */
export function entering(summary: string): Pick<LaneActivities, 'enterLanes'> {
  return proxyLocalActivities<LaneActivities>({
    startToCloseTimeout: '10s',
    retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}
