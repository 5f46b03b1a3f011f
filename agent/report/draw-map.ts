/**
 * The network map as SVG sheets: devices on the left, conduits in the middle, peers on the right. Devices with the very same conduits share one box; a peer is
 * drawn once on a sheet, however many reach it; a sheet is as high as a page and the next one goes on. So 30 devices with 100 peers stay legible. Pure.
 */
import type { MapSheet } from './document.js';
import type { Conduit, ConduitKind } from './report-model.js';

/** Units are those of the view box: about a point on A4 and Letter. */
const WIDTH = 520;
const ROW = 17;
const BOX_WIDTH = 132;
const CONDUIT_LEFT = 196;
const CONDUIT_WIDTH = 118;
const PEER_LEFT = 388;
const PEER_WIDTH = 131;
const TOP = 20;
/** Rows of a sheet: with its heading it fits the page that it shares with a title. */
const MAX_ROWS = 34;
/** Names of devices in one box; the others are counted. */
const MAX_NAMES = 6;
/** Characters of 7.5 units that a box holds. */
const MAX_CHARACTERS = 27;

const COLOUR: Readonly<Record<ConduitKind, string>> = {
  essential: '#0b6e4f',
  permitted: '#24527a',
  observed: '#6b7280',
  refused: '#b42318',
};
const WORD: Readonly<Record<ConduitKind, string>> = {
  essential: 'permitted, goes on while contained',
  permitted: 'permitted, stops while contained',
  observed: 'seen, no policy judges it',
  refused: 'refused',
};

interface Group {
  readonly names: readonly string[];
  readonly conduits: readonly Conduit[];
}

export function drawMap(conduits: readonly Conduit[]): readonly MapSheet[] {
  const sheets: Group[][] = [];
  let rows = Infinity;
  for (const group of groupsOf(conduits).flatMap(split)) {
    const height = heightOf(group);
    if (rows + height > MAX_ROWS) {
      sheets.push([]);
      rows = 0;
    }
    sheets.at(-1)?.push(group);
    rows += height;
  }
  return sheets.map((groups) => drawSheet(groups));
}

/** Devices that may do the same and did the same. */
function groupsOf(conduits: readonly Conduit[]): readonly Group[] {
  const byDevice = new Map<string, Conduit[]>();
  for (const one of conduits) {
    const list = byDevice.get(one.device) ?? [];
    byDevice.set(one.device, list);
    list.push(one);
  }
  const groups = new Map<string, { names: string[]; conduits: readonly Conduit[] }>();
  for (const [name, own] of byDevice) {
    const key = JSON.stringify(
      own.map(({ direction, service, peer, kind }) => [direction, service, peer, kind]),
    );
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { names: [name], conduits: own });
    else group.names.push(name);
  }
  return [...groups.values()];
}

/** A device with more peers than a sheet has rows goes on on the next. */
function split({ names, conduits }: Group): readonly Group[] {
  const parts: Group[] = [];
  const most = MAX_ROWS - 2;
  for (let at = 0; at < conduits.length; at += most)
    parts.push({
      names: at === 0 ? names : names.map((name) => `${name} (continued)`),
      conduits: conduits.slice(at, at + most),
    });
  return parts;
}

/** In rows: as many as peers, conduits or lines of names, and a gap. */
function heightOf({ names, conduits }: Group): number {
  const peers = new Set(conduits.map(({ peer }) => peer)).size;
  return Math.max(peers, pillsOf(conduits).length, nameLines(names).length * 0.65 + 0.4) + 0.7;
}

interface Pill {
  readonly first: Conduit;
  readonly peers: readonly string[];
  /** Null where none of them was counted. */
  readonly count: number | null;
}

/** A protocol and port, a direction and a judgement, with every peer that they lead to. */
function pillsOf(conduits: readonly Conduit[]): readonly Pill[] {
  const pills = new Map<string, { first: Conduit; peers: string[]; count: number | null }>();
  for (const one of conduits) {
    const key = JSON.stringify([one.direction, one.service, one.kind]);
    const pill = pills.get(key);
    if (pill === undefined) pills.set(key, { first: one, peers: [one.peer], count: one.count });
    else {
      pill.peers.push(one.peer);
      if (one.count !== null) pill.count = (pill.count ?? 0) + one.count;
    }
  }
  return [...pills.values()];
}

function nameLines(names: readonly string[]): readonly string[] {
  if (names.length <= MAX_NAMES) return names;
  return [...names.slice(0, MAX_NAMES - 1), `and ${names.length - MAX_NAMES + 1} more alike`];
}

interface PlacedPill extends Pill {
  readonly y: number;
}

function drawSheet(groups: readonly Group[]): MapSheet {
  const placed: PlacedPill[] = [];
  const devices: string[] = [];
  const edges: string[] = [];
  let y = TOP;
  for (const group of groups) {
    const height = heightOf(group) * ROW;
    const inner = height - 0.7 * ROW;
    devices.push(deviceBox(nameLines(group.names), y, inner));
    const pills = pillsOf(group.conduits);
    const weights = pills.map(({ peers }) => peers.length);
    const total = weights.reduce((sum, one) => sum + one, 0);
    // Each pill stands in the middle of as much height as its peers need, and no two of them touch.
    let before = 0;
    let lowest = -Infinity;
    pills.forEach((pill, index) => {
      const weight = weights[index] ?? 1;
      const want = y + (inner * (before + weight / 2)) / total;
      const latest = y + inner - (pills.length - index - 0.5) * ROW;
      const at = Math.max(lowest + ROW, Math.min(want, latest), y + ROW / 2);
      before += weight;
      lowest = at;
      placed.push({ ...pill, y: at });
      edges.push(edge(BOX_WIDTH, y + inner / 2, CONDUIT_LEFT, at, pill.first, pill.first.direction === 'in'));
    });
    y += height;
  }
  const height = Math.ceil(y + 4);
  const peers = placePeers(placed, TOP, height - 8);
  for (const { first, peers: own, y: from } of placed)
    for (const peer of own)
      edges.push(
        edge(
          CONDUIT_LEFT + CONDUIT_WIDTH,
          from,
          PEER_LEFT,
          peers.get(peer) ?? from,
          first,
          first.direction === 'out',
        ),
      );
  const body = [
    defs(),
    columnTitle(0, 'Device'),
    columnTitle(CONDUIT_LEFT, 'Conduit: protocol and port'),
    columnTitle(PEER_LEFT, 'Peer'),
    ...edges,
    ...devices,
    ...placed.map((pill) => pillBox(pill)),
    ...[...peers].map(([peer, at]) => peerBox(peer, at)),
  ].join('\n');
  return {
    svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="Roboto, Helvetica, Arial, sans-serif" role="img">\n<title>Network map</title>\n${body}\n</svg>`,
    width: WIDTH,
    height,
  };
}

/** By the middle of the conduits that lead to each, so that few lines cross; spread over the height. */
function placePeers(pills: readonly PlacedPill[], top: number, bottom: number): ReadonlyMap<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { peers, y } of pills)
    peers.forEach((peer, index) => {
      const one = sums.get(peer) ?? { sum: 0, count: 0 };
      // Those of one conduit keep their order around it.
      const want = y + (index - (peers.length - 1) / 2) * ROW;
      sums.set(peer, { sum: one.sum + want, count: one.count + 1 });
    });
  const sorted = [...sums]
    .map(([peer, { sum, count }]) => ({ peer, want: sum / count }))
    .sort((a, b) => a.want - b.want || (a.peer < b.peer ? -1 : 1));
  const at = new Map<string, number>();
  let last = top - ROW / 2;
  sorted.forEach(({ peer, want }, index) => {
    const latest = bottom - (sorted.length - index - 0.5) * ROW;
    last = Math.max(last + ROW, Math.min(want, Math.max(latest, last + ROW)));
    at.set(peer, last);
  });
  return at;
}

function defs(): string {
  const heads = Object.entries(COLOUR).map(
    ([kind, colour]) =>
      `<marker id="${kind}" viewBox="0 0 6 6" refX="5.5" refY="3" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0L6 3L0 6z" fill="${colour}"/></marker>`,
  );
  return `<defs>${heads.join('')}</defs>`;
}

function columnTitle(x: number, title: string): string {
  return `<text x="${x}" y="9" font-size="8" font-weight="bold" fill="#1f2a37">${title}</text>`;
}

function deviceBox(lines: readonly string[], y: number, height: number): string {
  const step = 0.65 * ROW;
  const first = y + height / 2 - ((lines.length - 1) * step) / 2 + 2.6;
  const names = lines.map((line, index) => label(6, round(first + index * step), line, '#ffffff', 'bold'));
  return `<rect x="0" y="${round(y)}" width="${BOX_WIDTH}" height="${round(height)}" rx="3" fill="#1f3a5f"/>${names.join('')}`;
}

function pillBox({ first: { service, kind, direction }, count, y }: PlacedPill): string {
  const text = `${direction} ${service}${count === null || count < 2 ? '' : `, ${count} times`}`;
  const colour = COLOUR[kind];
  const dash = kind === 'refused' ? ' stroke-dasharray="3 2"' : '';
  return [
    `<rect x="${CONDUIT_LEFT}" y="${round(y - 6)}" width="${CONDUIT_WIDTH}" height="12" rx="6" fill="#ffffff" stroke="${colour}" stroke-width="1"${dash}/>`,
    label(CONDUIT_LEFT + 7, round(y + 2.6), text, colour, kind === 'essential' ? 'bold' : 'normal', 24),
  ].join('');
}

function peerBox(peer: string, y: number): string {
  return [
    `<rect x="${PEER_LEFT}" y="${round(y - 6.5)}" width="${PEER_WIDTH}" height="13" rx="2" fill="#eef2f7" stroke="#9aa7b6" stroke-width="0.6"/>`,
    label(PEER_LEFT + 5, round(y + 2.6), peer, '#1f2a37', 'normal'),
  ].join('');
}

/** The arrow is on the side that is called; what is refused is dashed. */
function edge(x1: number, y1: number, x2: number, y2: number, { kind }: Conduit, hasHead: boolean): string {
  const middle = (x1 + x2) / 2;
  const isDevice = x1 === BOX_WIDTH;
  const path = `M${x1} ${round(y1)}C${middle} ${round(y1)} ${middle} ${round(y2)} ${x2} ${round(y2)}`;
  const back = `M${x2} ${round(y2)}C${middle} ${round(y2)} ${middle} ${round(y1)} ${x1} ${round(y1)}`;
  const dash = kind === 'refused' ? ' stroke-dasharray="3 2"' : '';
  const head = hasHead ? ` marker-end="url(#${kind})"` : '';
  return `<path d="${isDevice && hasHead ? back : path}" fill="none" stroke="${COLOUR[kind]}" stroke-width="${kind === 'essential' ? 1.3 : 0.8}"${dash}${head}/>`;
}

function label(
  x: number,
  y: number,
  text: string,
  colour: string,
  weight: string,
  most = MAX_CHARACTERS,
): string {
  return `<text x="${x}" y="${y}" font-size="7.5" font-weight="${weight}" fill="${colour}">${escapeXml(shorten(text, most))}</text>`;
}

/** The middle goes: the ends of names and addresses tell them apart. */
function shorten(text: string, most: number): string {
  const characters = Array.from(text);
  if (characters.length <= most) return text;
  const tail = Math.floor((most - 1) / 3);
  return `${characters.slice(0, most - 1 - tail).join('')}…${characters.slice(-tail).join('')}`;
}

export function mapLegend(): readonly string[] {
  return Object.entries(WORD).map(([kind, word]) => `${kind}: ${word}`);
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
