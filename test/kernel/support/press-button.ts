/**
 * A button for the test to press: a device that the kernel makes (uinput) where it can, else a pipe that gives the very bytes of
 * such a device to the same reader.
 */
import { join } from 'node:path';
import { must, waitFor, type Namespace } from '../../../agent/lab/namespace.js';

const NAME = 'cordon test button';
const KEY_STOP = 128;
/** Python takes half a minute to start on a machine that is emulated in software. */
const READY_MS = 120_000;

/** linux/uinput.h: UI_SET_EVBIT, UI_SET_KEYBIT, UI_DEV_SETUP, UI_DEV_CREATE. Commands come line by line. */
const PRESS = `
import fcntl, os, struct, sys
where = sys.argv[1]
out = os.open(where, os.O_RDWR | os.O_NONBLOCK)
if where == '/dev/uinput':
    fcntl.ioctl(out, 0x40045564, 1)
    fcntl.ioctl(out, 0x40045565, ${KEY_STOP})
    fcntl.ioctl(out, 0x405c5503, struct.pack('HHHH80sI', 3, 1, 1, 1, b'${NAME}', 0))
    fcntl.ioctl(out, 0x5501)
print('ready', flush=True)
commands = os.open(sys.argv[2], os.O_RDWR)
while True:
    for value in os.read(commands, 100).decode().split():
        event = lambda kind, code, number: struct.pack('llHHi', 0, 0, kind, code, number)
        os.write(out, event(1, ${KEY_STOP}, int(value)) + event(0, 0, 0))
`;

export interface Button {
  /** For the configuration. */
  readonly where: string;
  send(event: 'down' | 'up'): void;
  stop(): Promise<void>;
}

export async function pressing(host: Namespace, dir: string, hasUinput: boolean): Promise<Button> {
  const { openSync, writeSync } = await import('node:fs');
  const commands = join(dir, 'commands');
  const pipe = join(dir, 'button');
  await must(['mkfifo', commands, pipe]);
  const presser = await host.start(['python3', '-c', PRESS, hasUinput ? '/dev/uinput' : pipe, commands]);
  await waitFor(
    () => presser.output().includes('ready'),
    presser.ended,
    () => presser.output(),
    READY_MS,
  );
  // Both ways, so that opening waits for nobody.
  const fd = openSync(commands, 'r+');
  return {
    where: hasUinput ? `name: ${NAME}` : `device: ${pipe}`,
    send: (event) => {
      writeSync(fd, event === 'down' ? '1\n' : '0\n');
    },
    stop: () => presser.stop(),
  };
}
