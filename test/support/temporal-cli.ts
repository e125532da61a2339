import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts';
import { createLog } from '../../src/log.ts';
import type { Json } from './admin.ts';

const log = createLog({ level: 'silent', name: 'test' });

/** The command `temporal`, as an operator types it. */
export async function temporalCli({ address, dataDir }: { address: string; dataDir: string }) {
  const program = await findTemporalCli({ dataDir, log });
  const run = promisify(execFile);
  const json = async (args: string[]) => {
    const { stdout } = await run(program, [...args, '--address', address, '--output', 'json']);
    const answer: Json = JSON.parse(stdout);
    return answer;
  };
  return {
    async signal(workflowId: string, name: string, input?: unknown): Promise<void> {
      const given = input === undefined ? [] : ['--input', JSON.stringify(input)];
      const about = ['--workflow-id', workflowId, '--name', name, ...given];
      await run(program, ['workflow', 'signal', '--address', address, ...about]);
    },
    query: (workflowId: string, type: string) =>
      json(['workflow', 'query', '--workflow-id', workflowId, '--type', type]),
    update: (workflowId: string, name: string) =>
      json(['workflow', 'update', 'execute', '--workflow-id', workflowId, '--name', name]),
  };
}
