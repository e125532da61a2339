import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { DeliveryActivities } from '../activities/delivery.ts';
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
