import type { KeyStanding } from '../db/key-standing.ts';
import { workflowsUrl } from '../temporal/web-ui.ts';
import { allowedCidrs, type Opened } from './allowed-cidrs.ts';
import { demoCommand, type FirstEvent } from './first-event.ts';
import { whyKeyFails } from './kept-key.ts';

const NO_WEB_UI = 'unknown; set TEMPORAL_UI_URL';

type Shown = {
  url: string;
  firstEvent: FirstEvent | null;
  /** Of the key this start used. */
  keyStanding: KeyStanding | null;
};

/** What a start shows: where everything is, and one command to try. */
export function banner(opened: Opened, { url, firstEvent, keyStanding }: Shown): string {
  const { platform, config } = opened;
  const { temporalAddress, temporalUiUrl } = platform;
  const { temporalNamespace: namespace } = config;
  const egress = config.egressAllowCidrs ? 'EGRESS_ALLOW_CIDRS' : 'the embedded default';
  const networks = allowedCidrs(opened);
  const rows: [string, string][] = [
    ['Ingest', `${config.publicUrl ?? url}/in/<source>`],
    ['Admin API', `${url}/2026-09-01  (described at ${url}/openapi.json)`],
    ['Temporal', `${temporalAddress}, namespace ${namespace}`],
    ['Temporal CLI', 'npm run sluice temporal -- workflow list'],
    ['Temporal Web UI', temporalUiUrl ? workflowsUrl({ temporalUiUrl, namespace }) : NO_WEB_UI],
    ['API key', keyOf(opened, keyStanding)],
    ['Private networks', networks.length ? `${networks.join(', ')} (${egress})` : 'none reachable'],
  ];
  if (firstEvent) rows.push(['First event', shown(firstEvent)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
  return `\nSluice is running.\n\n${table}\n\nTry it:\n\n  ${demoCommand({ url })}\n`;
}

function keyOf({ config, platform }: Opened, standing: KeyStanding | null): string {
  if (config.apiKey) return 'the one in API_KEY';
  const reason = whyKeyFails(standing);
  if (reason)
    return `the one of the first start ${reason}; use the key that replaced it, or set API_KEY`;
  return platform.isNewKey ? platform.apiKey : 'as before; show it with: npm run sluice key';
}

function shown({ id, status, workflowUrl, tookMs }: FirstEvent): string {
  const trail = workflowUrl ? `, its audit trail: ${workflowUrl}` : '';
  return `${id} ${status} in ${tookMs} ms${trail}`;
}
