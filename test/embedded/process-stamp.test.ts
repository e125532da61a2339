import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { onTestFinished, expect, test } from 'vitest';
import { processStamp } from '../../src/embedded/process-stamp.ts';
import { lastingPort } from '../support/ports.ts';
import { until } from '../support/until.ts';

// Many threads at work: they notice that they were killed one after the other.
const SERVER = `
  const { Worker } = require('node:worker_threads');
  const { createServer } = require('node:net');
  for (let i = 0; i < 12; i++) new Worker('const kept = []; for (;;) kept.length < 2000 && kept.push(Buffer.alloc(65536, 1))', { eval: true });
  createServer().listen(Number(process.argv[1]), '127.0.0.1');`;

function answer(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

test('a killed process runs until the last of its threads has ended: then its port is free', async () => {
  for (let round = 0; round < 3; round++) {
    const port = await lastingPort();
    const child = spawn(process.execPath, ['-e', SERVER, String(port)], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await until('it listens', () => answer(port));
    const pid = child.pid!;
    expect(processStamp(pid)).toBeDefined();
    process.kill(pid, 'SIGKILL');
    // Without a pause: a moment later it would be free anyway.
    while (processStamp(pid) !== undefined);
    expect(await canListen(port)).toBe(true);
  }
});

test('a process that has ended and was not reaped does not run', async () => {
  // A shell that waits for nobody is the parent of one that has ended.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString()))),
  );
  expect(await until('it has ended', () => processStamp(pid) === undefined)).toBe(true);
});
