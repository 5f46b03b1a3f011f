import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { sdNotify } from '../../../agent/netlink/sd-notify.js';

/** Prints one line when it listens and then every datagram; socat, because Node has no unix datagram socket. */
async function listen(t: Test, address: string): Promise<ChildProcessByStdio<null, Readable, Readable>> {
  const child = spawn('socat', ['-u', '-dd', address, 'STDOUT'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stderr, 'data'); // the notice that it opened its address
  return child;
}

t.test('the state reaches the socket in NOTIFY_SOCKET, by path and by abstract name', async (t) => {
  // Not t.testdir(): sun_path holds 108 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'cordon-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const path = join(directory, 'notify');
  const abstract = `cordon-test-${process.pid}`;
  for (const { socket, address } of [
    { socket: path, address: `UNIX-RECV:${path}` },
    { socket: `@${abstract}`, address: `ABSTRACT-RECV:${abstract}` },
  ]) {
    const child = await listen(t, address);
    while (!sdNotify('READY=1\nSTATUS=ok', { NOTIFY_SOCKET: socket }))
      await new Promise((resolve) => setTimeout(resolve, 10));
    const [data] = (await once(child.stdout, 'data')) as [Buffer];
    t.equal(data.toString(), 'READY=1\nSTATUS=ok');
  }
});

t.test('it is a no-op without systemd, and never an exception', (t) => {
  t.equal(sdNotify('READY=1', {}), false);
  t.equal(sdNotify('READY=1', { NOTIFY_SOCKET: '' }), false);
  t.equal(sdNotify('READY=1', { NOTIFY_SOCKET: join(t.testdir(), 'absent') }), false);
  t.equal(sdNotify('READY=1', { NOTIFY_SOCKET: `/${'x'.repeat(200)}` }), false);
  t.end();
});
