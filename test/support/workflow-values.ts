import { defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import type { coresdk, temporal } from '@temporalio/proto';

type Payload = temporal.api.common.v1.IPayload;

/** A value as Temporal carries it. */
export function payloadOf(value: unknown): Payload {
  return defaultPayloadConverter.toPayload<unknown>(value);
}

export function valueOf(payload: Payload | null | undefined): unknown {
  return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
}

export function valuesOf(payloads: Payload[] | null | undefined): unknown[] {
  return (payloads ?? []).map(valueOf);
}

export function timestampOf(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 };
}

/** Eight bytes that differ from run to run. */
export function seedOf(n: number): number[] {
  return [n % 256, 0, 0, 0, 0, 0, 0, 0];
}

export function failure(error: unknown): coresdk.activity_result.IActivityResolution {
  return {
    failed: { failure: defaultFailureConverter.errorToFailure(error, defaultPayloadConverter) },
  };
}
