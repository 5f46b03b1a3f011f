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
  'portScan.earlyLook': {
    severity: 'low',
    why: 'a device that is new to us is looked at as monitors do; if it does not come again soon, it was none, and is told for what it is',
  },
  'portScan.traceroute': {
    severity: 'low',
    why: 'it asks for the way, not for what is there; seldom by itself on a clinical device, mostly by who mends the network',
  },
  'hostSweep.fromDevice': {
    severity: 'high',
    why: 'looking for other hosts is what spreading malware does first',
  },
  'hostSweep.slow': {
    severity: 'medium',
    why: 'hardly any of the hosts that it newly tries within a day answers: it looks for hosts, or its servers have moved',
  },
  'hostSweep.groupPing': {
    severity: 'medium',
    why: 'one packet finds every host of a link; somebody who tests the network sends it too',
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
  'unfamiliarPeer.usual': {
    severity: 'low',
    why: 'browsers, resolvers and mail relays meet many new hosts every day: one more says little',
  },
  'unfamiliarService.allowed': {
    severity: 'info',
    why: 'an approved entry covers it; new, but foreseen',
  },
  'unfamiliarService.notDecided': {
    severity: 'low',
    why: 'new and covered by no entry; an update brings new services too',
  },
  'unfamiliarService.many': {
    severity: 'medium',
    why: 'a device whose services were settled does not take up many at once',
  },
  'unfamiliarNetwork.allowed': {
    severity: 'info',
    why: 'an approved entry covers it; new, but foreseen',
  },
  'unfamiliarNetwork.another': {
    severity: 'low',
    why: 'clouds and sites move; one more network is seldom an attack',
  },
  'unfamiliarNetwork.firstOutside': {
    severity: 'medium',
    why: 'a device that never needed the world outside has no reason to begin',
  },
  'unfamiliarNetwork.many': {
    severity: 'medium',
    why: 'a device whose circle was settled does not meet many networks at once',
  },
  'spoofing.spoofed-source': {
    severity: 'medium',
    why: 'dropped; an old lease or a second address looks like it, an attack does too',
  },
  'spoofing.arp-spoof': {
    severity: 'high',
    why: "dropped; claiming another host's address on the link is how traffic is intercepted",
  },
  'spoofing.too-many-macs': {
    severity: 'high',
    why: 'new hosts of that side are refused meanwhile; a flood of made-up MACs makes switches send all to all, and fills what has no limit',
  },
  'spoofing.rogue-dhcp': {
    severity: 'high',
    why: 'dropped; who hands out addresses chooses the gateway and the resolver of others',
  },
  'spoofing.rogue-ra': {
    severity: 'high',
    why: 'dropped; who advertises a router can become the way of all IPv6 traffic',
  },
  'failedConnections.fromDevice': {
    severity: 'medium',
    why: 'most of what it newly tries does not answer: it looks for something, or its servers have moved',
  },
  'failedConnections.atDevices': {
    severity: 'medium',
    why: 'somebody looks for devices and services behind the box, slowly perhaps',
  },
  'failedConnections.fromOutside': {
    severity: 'medium',
    why: 'a clinical device that the internet can reach will be got into one day',
  },
  'wormSpread.turnedClient': {
    severity: 'critical',
    why: 'contacted on a service and now contacting many on the same one is how a worm goes on',
  },
  'wormSpread.fanOut': {
    severity: 'high',
    why: 'a clinical device does not meet that many new hosts on one service',
  },
  'wormSpread.outside': {
    severity: 'low',
    why: 'web pages and names, and most of them answer: somebody uses a browser on it',
  },
  'connectionBurst.fromDevice': {
    severity: 'medium',
    why: 'a retry storm when a server is down, or a device that is used to attack',
  },
  'connectionBurst.atDevice': {
    severity: 'high',
    why: 'a flood can stop a fragile device from treating',
  },
  'connectionBurst.forged': {
    severity: 'high',
    why: 'nothing honest sends with ever other source addresses',
  },
  'bruteForce.fromDevice': {
    severity: 'high',
    why: 'a device that guesses passwords is misused; a wrong stored password looks alike',
  },
  'bruteForce.job': {
    severity: 'low',
    why: 'who logs in on the first day is most often a job of the site; an intruder who was there before the box looks alike',
  },
  'bruteForce.slow': {
    severity: 'medium',
    why: 'a guesser that waits between its tries, or a new job that logs in; their connections look alike',
  },
  'bruteForce.inOneSession': {
    severity: 'medium',
    why: 'hundreds of short commands and never a file; a program that looks whether one is there may do so',
  },
  'bruteForce.inOneRedisSession': {
    severity: 'medium',
    why: 'a refused login and a hundred alike after it; a program that goes on without having been let in may look so',
  },
  'bruteForce.registers': {
    severity: 'medium',
    why: 'nobody registers a hundred times in minutes; a base station does, for a hundred phones that start',
  },
  'bruteForce.atDevice': {
    severity: 'high',
    why: 'default passwords of clinical devices are public: a guesser gets in',
  },
  'lateralContact.toDevice': {
    severity: 'high',
    why: 'devices do not administrate each other: it is how an intruder moves on',
  },
  'lateralContact.toNeighbour': {
    severity: 'medium',
    why: 'administrative access to a neighbour is rare for a device, and how an intruder moves on',
  },
  'lateralContact.learning': {
    severity: 'info',
    why: 'its habits are not known yet; worth one look, as what is learnt now is not told later',
  },
  'lateralContact.atDevice': {
    severity: 'low',
    why: 'most often maintenance by somebody new; an intruder comes this way too',
  },
  'arpSpoof.contested': {
    severity: 'high',
    why: 'two machines with one address: interception, or a conflict that cuts one of them off',
  },
  'arpSpoof.ports': {
    severity: 'medium',
    why: 'bonding and two cables into one network look so; who forges a MAC next to that of another does too',
  },
  'arpSpoof.unsolicited': {
    severity: 'high',
    why: 'answers that nobody asked for, again and again, are how ARP caches are poisoned',
  },
  'arpSpoof.impersonates': {
    severity: 'high',
    why: 'taking over several addresses at once is interception, or a failover without a virtual MAC',
  },
  'rogueServer.fromDevice': {
    severity: 'high',
    why: 'a device that gives out addresses or routes takes over the traffic of others',
  },
  'rogueServer.onNetwork': {
    severity: 'medium',
    why: 'a new server may be planned; if it is not, it becomes the way of all traffic',
  },
  'rogueServer.flood': {
    severity: 'high',
    why: 'no link has that many routers; a device that believes them all stops answering',
  },
  'rogueServer.names': {
    severity: 'high',
    why: 'whoever is told a false address by it logs on there; only a WINS proxy, which hardly any network has, answers so too',
  },
  'rogueServer.starvation': {
    severity: 'medium',
    why: 'when all leases are taken, devices lose their addresses; after a power cut it looks alike',
  },
  'deviceSilent.talkative': {
    severity: 'medium',
    why: 'it never pauses, and now it does: off, broken or cut off',
  },
  'deviceSilent.quiet': {
    severity: 'low',
    why: 'longer silent than ever, but it often is',
  },
  'beacon.outside': {
    severity: 'medium',
    why: 'no entry foresees it, and it goes outside as regularly as an implant asks for orders; updaters and clouds do so too',
  },
  'beacon.rotating': {
    severity: 'medium',
    why: 'as regular as the above, with servers that change each time: a list of them drawn by lot, or a cloud behind many addresses',
  },
  'beacon.keptOpen': {
    severity: 'low',
    why: 'one connection lives until the next, renewed when its time is over: clouds, chats and push services; whose it is tells unfamiliarNetwork',
  },
  'beacon.inside': {
    severity: 'low',
    why: 'devices poll their servers; worth an entry, seldom an attack',
  },
  'beacon.echo': {
    severity: 'low',
    why: 'many programs look so whether the internet is there; an implant that asks by ping looks alike',
  },
  'volume.out': {
    severity: 'medium',
    why: 'far more than ever leaves the device: a new routine, or data being stolen',
  },
  'dnsTunnel.names': {
    severity: 'high',
    why: 'long names that are never asked twice carry data past every allow-list that permits DNS',
  },
  'dnsTunnel.slow': {
    severity: 'medium',
    why: 'a name now and then is how an implant asks for orders; an unlisted reputation service of a security product looks alike',
  },
  'dnsTunnel.socket': {
    severity: 'high',
    why: 'no resolver sends so much over one socket',
  },
  'dga.names': {
    severity: 'high',
    why: 'only programs ask for names that nobody made, and hardly any but malware',
  },
  'outlier.traffic': {
    severity: 'low',
    why: 'unlike its usual, which says little by itself',
  },
  'encryptedDns.publicResolver': {
    severity: 'low',
    why: 'consumer products do it by default; for a clinical device it is a way past the resolver of the site',
  },
  'icmpTunnel.data': {
    severity: 'high',
    why: 'echo is permitted in many places and looked at in few: what it carries here is not a ping',
  },
  'icmpTunnel.busy': {
    severity: 'medium',
    why: 'an idle tunnel asks so often, and hardly a monitor; what it carries is not seen',
  },
  'icmpTunnel.busyInside': {
    severity: 'low',
    why: 'probes of the site have words of their own, and some are impatient',
  },
  'protocolMismatch.strict': {
    severity: 'medium',
    why: 'something else uses the opening that was made for a clinical or administrative protocol',
  },
  'protocolMismatch.web': {
    severity: 'low',
    why: 'software of all kinds borrows web ports',
  },
  'protocolMismatch.dns': {
    severity: 'medium',
    why: 'the port of DNS is open nearly everywhere, and only tunnels speak something else there',
  },
  'protocolMismatch.unsure': {
    severity: 'low',
    why: 'the beginning of one end was not seen, as packets get lost before the box, or is too short to be sure',
  },
} as const satisfies Record<string, SeverityRow>;
