/**
 * mDNS and DNS-SD (RFC 6762, 6763), LLMNR (RFC 4795) and plain DNS questions (RFC 1035): the names that a machine answers to, the services
 * it offers, and whose services it looks up. Of TXT records only the keys of TXT_KEYS; never an instance name, which people give.
 */
import { u16, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation, type Source } from '../observation.js';
import { hostNameOf, shortDomainOf, textOf } from '../text.js';
import { readDnsMessage, readDnsName, type DnsRecord } from './dns-message.js';

const TYPE_A = 1;
const TYPE_PTR = 12;
const TYPE_TXT = 16;
const TYPE_AAAA = 28;
const TYPE_SRV = 33;
const MAX_TXT_STRINGS = 32;
const SERVICE = /(?:^|\.)(_[a-z0-9-]{1,15}\._(?:tcp|udp))\.local$/i;

interface TxtKey {
  readonly field: 'make' | 'model' | 'version';
  readonly source: Source;
}
/** Bonjour Printing 1.2.1 (ty, usb_MFG, usb_MDL), AirPlay and device-info (model), Chromecast (md), HAP (md), firmware (fv, srcvers). */
const TXT_KEYS: Readonly<Record<string, TxtKey>> = {
  ty: { field: 'model', source: 'mdns.txt-model' },
  md: { field: 'model', source: 'mdns.txt-model' },
  model: { field: 'model', source: 'mdns.txt-model' },
  am: { field: 'model', source: 'mdns.txt-model' },
  usb_mdl: { field: 'model', source: 'mdns.txt-model' },
  usb_mfg: { field: 'make', source: 'mdns.txt-make' },
  manufacturer: { field: 'make', source: 'mdns.txt-make' },
  vendor: { field: 'make', source: 'mdns.txt-make' },
  fv: { field: 'version', source: 'mdns.txt-version' },
  srcvers: { field: 'version', source: 'mdns.txt-version' },
};

/** Only responses: who asks for a service does not offer it. */
export function readMdns(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const message = readDnsMessage(bytes, start, end);
  if (!message?.isResponse || message.opcode !== 0) return NO_OBSERVATIONS;
  const out = new Observations();
  const services = new Set<string>();
  for (const record of message.records) {
    const service = SERVICE.exec(record.name)?.[1]?.toLowerCase();
    const offers = record.type === TYPE_PTR || record.type === TYPE_SRV || record.type === TYPE_TXT;
    if (service !== undefined && offers && service !== '_dns-sd._udp') services.add(service);
    if (record.type === TYPE_SRV) addHost(out, srvTarget(bytes, start, record));
    if (record.type === TYPE_A || record.type === TYPE_AAAA) addHost(out, record.name);
    if (record.type === TYPE_TXT) readTxt(bytes, record, out);
  }
  for (const service of services) out.hint(service, 'mdns.service');
  return out.list;
}

function addHost(out: Observations, name: string | null): void {
  const host = hostNameOf(name?.replace(/\.local$/i, '') ?? null);
  if (host === null || out.list.some((known) => known.source === 'mdns.host' && known.value === host)) return;
  out.add('name', host, 'mdns.host', CONFIDENCE.own);
}

function srvTarget(bytes: Uint8Array, start: number, record: DnsRecord): string | null {
  if (record.dataEnd - record.dataStart < 7) return null;
  return readDnsName(bytes, start, record.dataStart + 6, record.dataEnd)?.labels.join('.') ?? null;
}

/** RFC 6763 section 6.3: counted strings `key=value`. */
function readTxt(bytes: Uint8Array, record: DnsRecord, out: Observations): void {
  let at = record.dataStart;
  for (let seen = 0; seen < MAX_TXT_STRINGS && at < record.dataEnd; seen++) {
    const first = at + 1;
    const last = first + u8(bytes, at);
    if (last > record.dataEnd) return;
    const text = textOf(bytes, first, last) ?? '';
    const equals = text.indexOf('=');
    const key = equals > 0 ? TXT_KEYS[text.slice(0, equals).toLowerCase()] : undefined;
    const value = text.slice(equals + 1);
    if (key !== undefined) {
      out.add(key.field, value, key.source, CONFIDENCE.declared);
      out.hint(value, key.source);
    }
    at = last;
  }
}

/** RFC 4795 section 2.1: the responder answers for a name of its own, and the question is repeated in the answer. */
export function readLlmnr(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const message = readDnsMessage(bytes, start, end);
  if (!message?.isResponse || message.rcode !== 0) return NO_OBSERVATIONS;
  const answer = message.records.find(({ type }) => type === TYPE_A || type === TYPE_AAAA);
  if (answer === undefined) return NO_OBSERVATIONS;
  const out = new Observations();
  out.add('name', hostNameOf(answer.name), 'llmnr.name', CONFIDENCE.own);
  return out.list;
}

/** Questions of a client to a resolver; the last three labels of the name, as a hint. */
export function readDnsQuestion(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 12 || (u16(bytes, start + 2) & 0xf800) !== 0) return NO_OBSERVATIONS;
  const question = readDnsMessage(bytes, start, end)?.questions[0];
  const name = hostNameOf(question?.name ?? null);
  if (name === null) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint(shortDomainOf(name), 'dns.question');
  return out.list;
}
