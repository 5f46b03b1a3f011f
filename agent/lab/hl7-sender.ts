/**
 * Run by the lab as a process: sends HL7 v2 ORU messages over MLLP and prints a line per acknowledgement. Arguments: host,
 * how many (0: until stopped), milliseconds between them. Exit status 1 when one was not acknowledged in time.
 */
import { Client, Message } from 'node-hl7-client';

const ACK_TIMEOUT_MS = 4_000;
const [host = '127.0.0.1', countText = '1', pauseText = '200'] = process.argv.slice(2);
const count = Number(countText);
const client = new Client(host.includes(':') ? { host, ipv4: false, ipv6: false } : { host });
let answered: (() => void) | null = null;
const connection = client.createConnection({ port: 2575 }, (response) => {
  process.stdout.write(
    `acknowledged ${String(response.getMessage().get('MSA.1'))} ${String(response.getMessage().get('MSA.2'))}\n`,
  );
  answered?.();
});

for (let sent = 0; count === 0 || sent < count; sent += 1) {
  const acknowledgement = new Promise<boolean>((resolve) => {
    const late = setTimeout(() => {
      resolve(false);
    }, ACK_TIMEOUT_MS);
    answered = () => {
      clearTimeout(late);
      resolve(true);
    };
  });
  await connection.sendMessage(
    new Message({
      messageHeader: {
        msh_9_1: 'ORU',
        msh_9_2: 'R01',
        msh_9_3: 'ORU_R01',
        msh_10: `CORDON${sent}`,
        msh_11_1: 'T',
      },
    }),
  );
  if (!(await acknowledgement)) {
    process.stdout.write('not acknowledged\n');
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, Number(pauseText)));
}
await connection.close();
process.exit(0);
