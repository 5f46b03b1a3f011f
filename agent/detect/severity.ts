/**
 * The written table of severities: what a finding is worth, and why. Read by the detectors; a finding's severity is never
 * written anywhere else. Pure.
 */
import type { Finding } from '../messages/vocabulary.js';

export type Severity = Finding['severity'];

export interface SeverityRow {
  readonly severity: Severity;
  readonly why: string;
}

export const SEVERITY = {
  'portScan.fromDevice': {
    severity: 'high',
    why: 'a clinical device has no reason to look for services: it is misused or taken over',
  },
  'portScan.atDevice': {
    severity: 'medium',
    why: 'somebody looks for a way in; often a vulnerability scanner of the site, which can harm a fragile device too',
  },
  'hostSweep.fromDevice': {
    severity: 'high',
    why: 'looking for other hosts is what spreading malware does first',
  },
  'hostSweep.atDevices': {
    severity: 'medium',
    why: 'somebody looks for devices; often a vulnerability scanner or an inventory of the site',
  },
  'unfamiliarPeer.allowed': {
    severity: 'info',
    why: 'an approved entry covers it; new, but foreseen',
  },
  'unfamiliarPeer.notDecided': {
    severity: 'low',
    why: 'new and covered by no entry, but one new peer is more often a moved server than an attack',
  },
  'unfamiliarPeer.many': {
    severity: 'medium',
    why: 'a device whose circle was settled does not meet many new peers at once',
  },
  'spoofing.spoofed-source': {
    severity: 'medium',
    why: 'dropped; an old lease or a second address looks like it, an attack does too',
  },
  'spoofing.arp-spoof': {
    severity: 'high',
    why: "dropped; claiming another host's address on the link is how traffic is intercepted",
  },
  'spoofing.rogue-dhcp': {
    severity: 'high',
    why: 'dropped; who hands out addresses chooses the gateway and the resolver of others',
  },
  'spoofing.rogue-ra': {
    severity: 'high',
    why: 'dropped; who advertises a router can become the way of all IPv6 traffic',
  },
} as const satisfies Record<string, SeverityRow>;
