import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { connect } from '../../../agent/ipc/client.js';
import { MAX_BAD_MESSAGES, MAX_SUBSCRIBER_BYTES } from '../../../agent/ipc/connection.js';
import { RequestError } from '../../../agent/ipc/errors.js';
import { serve, type IpcServer } from '../../../agent/ipc/server.js';
import type { EventMessage } from '../../../agent/messages/enforcer-messages.js';

const requests = {
  add: {
    params: z.strictObject({ a: z.number(), b: z.number().default(1) }),
    result: z.strictObject({ sum: z.number() }),
  },
  fail: {
    params: z.strictObject({ how: z.enum(['refuse', 'break', 'lie', 'hang']) }),
    result: z.strictObject({ ok: z.boolean() }),
  },
  subscribe: { params: z.strictObject({}), result: z.strictObject({}) },
} as const;

/** A tap test directory is deep in the tree: above the 107 bytes that a socket path may have. */
function shortDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

async function serveIn(
  t: Test,
  options: { maxConnections?: number; onHandlerError?: (error: unknown, request: string) => void } = {},
): Promise<{ server: IpcServer; socketPath: string }> {
  const socketPath = join(shortDirectory(t), 's');
  const server = await serve({
    socketPath,
    mode: 0o660,
    maxConnections: options.maxConnections ?? 10,
    maxRequestBytes: 1000,
    requests,
    handlers: {
      add: ({ a, b }) => ({ sum: a + b }),
      fail: async ({ how }) => {
        if (how === 'refuse')
          throw new RequestError('bad-policy', 'no', [{ path: 'a.b', message: 'm', hint: 'h' }]);
        if (how === 'break') throw new TypeError('a bug');
        if (how === 'lie') return { ok: 'yes' } as unknown as { ok: boolean };
        return await new Promise(() => undefined);
      },
    },
    ...(options.onHandlerError && { onHandlerError: options.onHandlerError }),
  });
  t.teardown(() => server.stop());
  return { server, socketPath };
}

const ask = (socketPath: string) => connect({ socketPath, peerName: 'enforcer', requests });

function stateEvent(detail: string): EventMessage {
  return {
    event: 'state',
    items: [{ kind: 'policy-applied', atMs: 1, by: 'x', device: null, generation: 1, detail }],
  };
}

async function rawAnswers(
  socket: Socket,
  count: number,
): Promise<{ id: number; error?: { code: string } }[]> {
  let text = '';
  while (text.split('\n').length <= count) text += String((await once(socket, 'data'))[0]);
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: number; error?: { code: string } });
}

t.test('a request is answered, with the defaults of its schema filled in', async (t) => {
  const { socketPath } = await serveIn(t);
  const client = await ask(socketPath);
  t.same(await client.request('add', { a: 2 }), { sum: 3 });
  const answers = await Promise.all([1, 2, 3].map((a) => client.request('add', { a, b: 10 })));
  t.same(
    answers.map((answer) => answer.sum),
    [11, 12, 13],
  );
  client.close();
  client.close();
  await client.closed;
  await t.rejects(client.request('add', { a: 1 }), { code: 'closed' });
});

t.test('every way to fail has its own error', async (t) => {
  const bugs: string[] = [];
  const { server, socketPath } = await serveIn(t, {
    onHandlerError: (error, name) => bugs.push(`${name}: ${String(error)}`),
  });
  const client = await ask(socketPath);
  await t.rejects(client.request('fail', { how: 'refuse' }), {
    name: 'RequestError',
    code: 'bad-policy',
    message: 'no',
    problems: [{ path: 'a.b', message: 'm', hint: 'h' }],
  });
  await t.rejects(client.request('fail', { how: 'break' }), { code: 'internal' });
  t.same(bugs, ['fail: TypeError: a bug']);
  await t.rejects(client.request('fail', { how: 'lie' }), { name: 'IpcError', code: 'bad-answer' });
  await t.rejects(client.request('fail', { how: 'hang' }, { timeoutMs: 20 }), {
    name: 'IpcError',
    code: 'timeout',
  });
  await t.rejects(client.request('add', { a: 'x' as unknown as number }), {
    code: 'bad-message',
    problems: [{ path: 'a' }],
  });
  const lost = client.request('fail', { how: 'hang' });
  await Promise.all([t.rejects(lost, { code: 'closed' }), server.stop()]);
  t.notOk(existsSync(socketPath), 'the socket is removed');
  await t.rejects(ask(socketPath), {
    code: 'no-server',
    message: `the enforcer is not running: no answer at ${socketPath}`,
  });
  await server.stop();
});

t.test('rubbish is answered with an error and counted, and ends the connection in the end', async (t) => {
  const { server, socketPath } = await serveIn(t);
  const lines = [
    'nonsense',
    '{}',
    '[]',
    'null',
    '{"id":7,"request":"nope","params":{}}',
    '{"id":8,"request":"__proto__","params":{}}',
    '{"id":-1,"request":"add"}',
    '{"id":9,"request":"add","params":{"a":1,"extra":1}}',
  ];
  const socket = createConnection(socketPath);
  socket.write(`${lines.join('\n')}\n`);
  const answers = await rawAnswers(socket, lines.length);
  t.same(
    answers.map((answer) => [answer.id, answer.error?.code]),
    [0, 0, 0, 0, 7, 8, 0, 9].map((id) => [id, 'bad-message']),
  );
  socket.write('{"id":1,"request":"add","params":{"a":1}}\n');
  t.same(await rawAnswers(socket, 1), [{ id: 1, result: { sum: 2 } }], 'the connection still serves');
  socket.write('x\n'.repeat(1000));
  socket.resume();
  await once(socket, 'close');
  t.equal(server.dropped().ipcBadMessages, MAX_BAD_MESSAGES);
});

t.test('a line above the limit is answered once and ends the connection', async (t) => {
  const { server, socketPath } = await serveIn(t);
  const socket = createConnection(socketPath);
  socket.write('x'.repeat(1001));
  t.same(await rawAnswers(socket, 1), [
    { id: 0, error: { code: 'bad-message', message: 'a message is longer than 1000 bytes' } },
  ]);
  socket.resume();
  await once(socket, 'close');
  t.equal(server.connectionCount(), 0);
});

t.test('events reach subscribers only', async (t) => {
  const { server, socketPath } = await serveIn(t);
  const [deaf, client] = await Promise.all([ask(socketPath), ask(socketPath)]);
  deaf.onEvent(() => t.fail('it did not subscribe'));
  await client.request('subscribe', {});
  t.equal(server.subscriberCount(), 1);
  const got = new Promise((resolve) => {
    client.onEvent(resolve);
  });
  server.broadcast(stateEvent('hello'));
  t.same(await got, stateEvent('hello'));
  await deaf.request('add', { a: 1 });
  client.close();
  deaf.close();
});

t.test('a subscriber that does not read loses events, counted, and delays nobody', async (t) => {
  const { server, socketPath } = await serveIn(t);
  const slow = createConnection(socketPath);
  slow.write('{"id":1,"request":"subscribe","params":{}}\n');
  await once(slow, 'data');
  slow.pause();
  const client = await ask(socketPath);
  await client.request('subscribe', {});
  let received = 0;
  const sent = (3 * MAX_SUBSCRIBER_BYTES) / 100_000;
  for (let i = 0; i < sent; i += 1) {
    const got = new Promise<void>((resolve) => {
      client.onEvent(() => {
        resolve();
      });
    });
    server.broadcast(stateEvent('x'.repeat(500)));
    server.broadcast({
      event: 'state',
      items: Array.from({ length: 150 }, () => ({
        kind: 'policy-applied' as const,
        atMs: 1,
        by: 'x',
        device: null,
        generation: 1,
        detail: 'y'.repeat(490),
      })),
    });
    await got;
    received += 1;
  }
  t.equal(received, Math.ceil(sent), 'the reading one got everything');
  t.ok(server.dropped().ipcEventsDropped > 0, `${server.dropped().ipcEventsDropped} dropped`);
  // Its own request is answered all the same, once it reads.
  slow.write('{"id":2,"request":"add","params":{"a":1}}\n');
  let tail = '';
  for await (const chunk of slow) {
    tail = (tail + String(chunk)).slice(-2000);
    if (tail.includes('"id":2')) break;
  }
  t.match(tail, '{"id":2,"result":{"sum":2}}');
  client.close();
});

t.test('a hundred connections are served, one above the limit is refused and counted', async (t) => {
  const { server, socketPath } = await serveIn(t, { maxConnections: 100 });
  const clients = await Promise.all(Array.from({ length: 100 }, () => ask(socketPath)));
  const answers = await Promise.all(clients.map((client, a) => client.request('add', { a, b: 0 })));
  t.same(
    answers.map((answer) => answer.sum),
    clients.map((_, i) => i),
  );
  const refused = createConnection(socketPath);
  refused.on('error', () => undefined);
  await once(refused, 'close');
  t.equal(server.dropped().ipcConnectionsRefused, 1);
  t.equal(server.connectionCount(), 100);
  for (const client of clients) client.close();
});

t.test('the socket has its mode, and a second server does not take it', async (t) => {
  const { socketPath } = await serveIn(t);
  t.equal(statSync(socketPath).mode & 0o777, 0o660);
  const again = {
    socketPath,
    mode: 0o600,
    maxConnections: 1,
    maxRequestBytes: 10,
    requests: {},
    handlers: {},
  };
  await t.rejects(serve(again), { code: 'in-use' });
  const client = await ask(socketPath);
  t.same(await client.request('add', { a: 1 }), { sum: 2 }, 'the first still answers');
  client.close();
});

t.test('a dead server leaves a socket that the next one replaces; another file is left alone', async (t) => {
  const socketPath = join(shortDirectory(t), 's');
  const dead = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => console.log('up'))`,
  ]);
  await once(dead.stdout, 'data');
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  t.ok(existsSync(socketPath));
  const options = { mode: 0o600, maxConnections: 1, maxRequestBytes: 10, requests: {}, handlers: {} };
  const server = await serve({ socketPath, ...options });
  t.equal(statSync(socketPath).mode & 0o777, 0o600);
  await server.stop();
  const file = join(shortDirectory(t), 'file');
  writeFileSync(file, 'precious');
  await t.rejects(serve({ socketPath: file, ...options }), { code: 'bad-path' });
  t.ok(existsSync(file));
  await t.rejects(serve({ socketPath: `/tmp/${'x'.repeat(120)}`, ...options }), { code: 'bad-path' });
});
