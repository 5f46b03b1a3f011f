/** Run by the lab as a process: an HL7 v2 receiver over MLLP on port 2575 that answers AA, one line per message. */
import { Server } from 'node-hl7-server';

const [bindAddress = '0.0.0.0'] = process.argv.slice(2);
// Its own check of IPv6 addresses refuses "fd77::1"; with both checks off the address is used as it is.
const isIpv6 = bindAddress.includes(':');
const server = new Server(isIpv6 ? { bindAddress, ipv4: false, ipv6: false } : { bindAddress });
server.createInbound({ port: 2575 }, (request, response) => {
  void response.sendResponse('AA');
  process.stdout.write(`received ${String(request.getMessage().get('MSH.10'))} ${Date.now()}\n`);
});
process.stdout.write('listening\n');
