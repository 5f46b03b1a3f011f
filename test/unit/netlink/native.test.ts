import t from 'tap';
import { loadAddon, type NativeSocket } from '../../../agent/netlink/native.js';

const addon = loadAddon();
const open = (): NativeSocket => addon.open(0, 0, false, new Uint32Array(0));

t.test('lengths that outgrow their buffers are refused before the kernel sees them', (t) => {
  const socket = open();
  const wrong: Record<string, () => unknown> = {
    'slots beyond the buffer': () => addon.receive(socket, Buffer.alloc(100), 51, new Uint32Array(2)),
    'a slot of nothing': () => addon.receive(socket, Buffer.alloc(100), 0, new Uint32Array(2)),
    'no slots': () => addon.receive(socket, Buffer.alloc(100), 10, new Uint32Array(0)),
    'more slots than a batch holds': () => addon.receive(socket, Buffer.alloc(100), 1, new Uint32Array(65)),
    'an array of another kind': () =>
      addon.receive(socket, Buffer.alloc(100), 10, new Uint8Array(4) as unknown as Uint32Array),
    'more than there is to send': () => {
      addon.send(socket, Buffer.alloc(8), 9);
    },
    'not a socket': () => {
      addon.close({} as NativeSocket);
    },
    'not a function': () => {
      addon.watch(socket, 1 as unknown as () => void, false);
    },
    'too many groups': () => addon.open(0, 0, false, new Uint32Array(17)),
  };
  for (const [name, call] of Object.entries(wrong)) t.throws(call, { code: 'ERR_INVALID_ARG' }, name);
  addon.close(socket);
  t.end();
});

t.test('nothing waits on a quiet socket, and a closed one says so', (t) => {
  const socket = open();
  t.equal(addon.receive(socket, Buffer.alloc(16_384), 16_384, new Uint32Array(1)), 0);
  addon.close(socket);
  addon.close(socket);
  t.throws(() => addon.receive(socket, Buffer.alloc(16), 16, new Uint32Array(1)), {
    code: 'EBADF',
    errno: 9,
    syscall: 'netlink',
  });
  t.end();
});

t.test('a watched socket closes twice, and is watched once', (t) => {
  const socket = open();
  addon.watch(socket, () => undefined, false);
  t.throws(
    () => {
      addon.watch(socket, () => undefined, false);
    },
    { code: 'EALREADY' },
  );
  addon.close(socket);
  addon.close(socket);
  t.end();
});

t.test('an errno comes with its name and the call it came from', (t) => {
  t.throws(
    () => {
      addon.notify('/nonexistent/socket', 'READY=1');
    },
    { code: 'ENOENT', errno: 2, syscall: 'sendto', message: 'sendto: No such file or directory' },
  );
  t.end();
});
