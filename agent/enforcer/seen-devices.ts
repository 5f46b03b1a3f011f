/**
 * Who is behind the box, as far as logged packets tell: MAC, port, addresses, first and last seen. What changed since the
 * last flush goes to the agent, which keeps it.
 */
import { NO_ADDRESS, type AddressTable } from '../detect/address-table.js';
import type { SeenDevice } from '../messages/vocabulary.js';
import { formatMac } from '../packet/format.js';

/** MACs can be invented by whoever sits behind the box; beyond this, new ones are counted only. */
const MAX_MACS = 4096;
const MAX_ADDRESSES = 64;
/** "Still there" is told at most this often. */
const REFRESH_MS = 60_000;

interface Seen {
  readonly mac: string;
  name: string | null;
  port: string | null;
  readonly addresses: string[];
  readonly firstMs: number;
  lastMs: number;
  toldMs: number;
  changed: boolean;
  /** Of the address table: while it is the same, so is the address. */
  lastTicket: number;
}

export class SeenDevices {
  readonly #byMac = new Map<number, Seen>();
  dropped = 0;

  /**
   * `ticket`: the address it used, of `addresses`; NO_ADDRESS where the packet proves none. Text is made for what is new
   * only: this is called for every first packet.
   */
  note(
    macHigh: number,
    macLow: number,
    name: string | null,
    port: string | null,
    ticket: number,
    addresses: AddressTable,
    nowMs: number,
  ): void {
    const macNumber = macHigh * 0x1000000 + macLow;
    let seen = this.#byMac.get(macNumber);
    if (!seen) {
      if (this.#byMac.size >= MAX_MACS) {
        this.dropped += 1;
        return;
      }
      seen = {
        mac: formatMac(macHigh, macLow),
        name,
        port,
        addresses: [],
        firstMs: nowMs,
        lastMs: nowMs,
        toldMs: 0,
        changed: true,
        lastTicket: NO_ADDRESS,
      };
      this.#byMac.set(macNumber, seen);
    }
    seen.lastMs = nowMs;
    if (name !== seen.name || (port !== null && port !== seen.port)) {
      seen.name = name;
      seen.port = port ?? seen.port;
      seen.changed = true;
    }
    if (ticket === seen.lastTicket) return;
    seen.lastTicket = ticket;
    const address = addresses.text(ticket);
    if (address === null || address === '0.0.0.0' || address === '::') return;
    if (!seen.addresses.includes(address)) {
      if (seen.addresses.length >= MAX_ADDRESSES) seen.addresses.shift();
      seen.addresses.push(address);
      seen.changed = true;
    }
  }

  take(nowMs: number): SeenDevice[] {
    const told: SeenDevice[] = [];
    for (const seen of this.#byMac.values()) {
      if (!seen.changed && (seen.lastMs <= seen.toldMs || nowMs - seen.toldMs < REFRESH_MS)) continue;
      seen.changed = false;
      seen.toldMs = nowMs;
      told.push({
        mac: seen.mac,
        name: seen.name,
        port: seen.port,
        addresses: [...seen.addresses],
        firstMs: seen.firstMs,
        lastMs: seen.lastMs,
      });
    }
    return told;
  }
}
