import { allowedCidrs, type Opened } from './allowed-cidrs.ts';
import { demoCommand, type FirstEvent } from './first-event.ts';

/** What a start shows: where everything is, and one command to try. */
export function banner(
  opened: Opened,
  { url, firstEvent }: { url: string; firstEvent: FirstEvent | null },
): string {
  const { platform, config } = opened;
  const key = platform.isNewKey ? platform.apiKey : 'as before; show it with: npm run sluice key';
  const egress = config.egressAllowCidrs ? 'EGRESS_ALLOW_CIDRS' : 'the embedded default';
  const networks = allowedCidrs(opened);
  const rows: [string, string][] = [
    ['Ingest', `${config.publicUrl ?? url}/in/<source>`],
    ['Admin API', `${url}/2026-09-01  (described at ${url}/openapi.json)`],
    ['Dashboard', `${url}/dashboard`],
    ['Temporal Web UI', platform.temporalUiUrl ?? 'unknown; set TEMPORAL_UI_URL'],
    ['API key', key],
    ['Private networks', networks.length ? `${networks.join(', ')} (${egress})` : 'none reachable'],
  ];
  if (firstEvent) rows.push(['First event', shown(firstEvent)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
  return `\nSluice is running.\n\n${table}\n\nTry it:\n\n  ${demoCommand({ url })}\n`;
}

function shown({ id, status, workflowUrl, tookMs }: FirstEvent): string {
  const trail = workflowUrl ? `, its audit trail: ${workflowUrl}` : '';
  return `${id} ${status} in ${tookMs} ms${trail}`;
}
