/**
 * Run by the lab as a process: a web server that prints a line per request. `/slow` is a download that takes minutes
 * (about 1 MB/s). Arguments: address, port.
 */
import { createServer } from 'node:http';

const SLOW_CHUNK = Buffer.alloc(50_000, 'x');
const SLOW_PAUSE_MS = 50;
const SLOW_TOTAL_BYTES = 300_000_000;
const [address = '127.0.0.1', port = '80'] = process.argv.slice(2);

createServer((request, response) => {
  process.stdout.write(`request ${request.url ?? ''} from ${request.socket.remoteAddress ?? ''}\n`);
  if (request.url !== '/slow') {
    response.end('hello\n');
    return;
  }
  response.writeHead(200, { 'content-length': SLOW_TOTAL_BYTES });
  let left = SLOW_TOTAL_BYTES;
  const timer = setInterval(() => {
    left -= SLOW_CHUNK.length;
    if (left < 0 || response.destroyed) clearInterval(timer);
    else if (!response.writableNeedDrain) response.write(SLOW_CHUNK);
  }, SLOW_PAUSE_MS);
  response.on('close', () => {
    clearInterval(timer);
  });
}).listen(Number(port), address, () => process.stdout.write('listening\n'));
