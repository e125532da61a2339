import type { Secret } from '../received.ts';
import type { Verifier } from '../verifier.ts';

/** What a plug-in is compiled with: the source's `auth` and the settings drawn from it. */
export type PluginSettings = {
  auth: Readonly<Record<string, unknown>>;
  secrets: readonly Secret[];
  toleranceMs?: number | undefined;
  replayProtection?: boolean | undefined;
  registeredUrl?: string | undefined;
  options: Readonly<Record<string, string>>;
};

export type Plugin = (settings: PluginSettings) => Omit<Verifier, 'inline'>;

/** A text field of `auth`; empty where it is not set. */
export function textField(settings: PluginSettings, name: string): string {
  const value = settings.auth[name];
  return typeof value === 'string' ? value : '';
}
