// Control workflows run as long as their destination or connection exists: they would fill the first page.
const WITHOUT_CONTROLS = 'WorkflowType NOT STARTS_WITH "control"';

/** The Web UI's list of the workflows that requests and deliveries start, without those that control gates. */
export function workflowsUrl({
  temporalUiUrl,
  namespace,
}: {
  temporalUiUrl: string;
  namespace: string;
}): string {
  const query = new URLSearchParams({ query: WITHOUT_CONTROLS });
  return `${temporalUiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows?${query.toString()}`;
}
