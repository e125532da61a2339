import {
  defineSearchAttributeKey,
  SearchAttributeType,
  type SearchAttributePair,
} from '@temporalio/common';

const project = defineSearchAttributeKey('SluiceProject', SearchAttributeType.KEYWORD);
const source = defineSearchAttributeKey('SluiceSource', SearchAttributeType.KEYWORD_LIST);
const destination = defineSearchAttributeKey('SluiceDestination', SearchAttributeType.KEYWORD);

/** The search attributes a namespace must have, with their types. */
export const SEARCH_ATTRIBUTES = {
  SluiceProject: 'Keyword',
  SluiceSource: 'KeywordList',
  SluiceDestination: 'Keyword',
} as const;

/** What a workflow can be found by in the Temporal Web UI, given at its start: later it would cost a write. */
export function searchAttributes({
  projectId,
  sourceIds,
  destinationId,
}: {
  projectId: string;
  sourceIds?: string[];
  destinationId?: string;
}): SearchAttributePair[] {
  return [
    { key: project, value: projectId },
    ...(sourceIds ? [{ key: source, value: sourceIds }] : []),
    ...(destinationId ? [{ key: destination, value: destinationId }] : []),
  ];
}
