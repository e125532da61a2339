import { workflowsUrl } from '../temporal/web-ui.ts';
import type { ApiDeps } from './deps.ts';

/** The page a browser finds at the gateway's address. */
export function landingPage(
  {
    publicUrl,
    temporalUiUrl,
    namespace,
  }: Pick<ApiDeps, 'publicUrl' | 'temporalUiUrl' | 'namespace'>,
  basePath: string,
): string {
  const links = [
    [`${publicUrl}${basePath}/sources`, 'Admin API', 'Bearer or Basic, with your API key'],
    [`${publicUrl}/openapi.json`, 'OpenAPI document', 'every route and shape'],
    [`${publicUrl}/readyz`, 'Readiness', 'what the gateway needs is there'],
    ...(temporalUiUrl === ''
      ? []
      : [
          [
            workflowsUrl({ temporalUiUrl, namespace }),
            'Temporal Web UI',
            'every delivery, step by step',
          ],
        ]),
  ];
  const items = links.map(
    ([url = '', name, text]) => `<li><a href="${escaped(url)}">${name}</a>: ${text}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sluice</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>
<h1>Sluice</h1>
<p>The gateway is up. Send events to <code>${escaped(publicUrl)}/in/&lt;source&gt;</code>.</p>
<ul>${items.join('')}</ul>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
