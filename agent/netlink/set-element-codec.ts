/**
 * One nf_tables set element between its value and its netlink bytes (enum nft_set_elem_attributes of
 * linux/netfilter/nf_tables.h). Used by set-elements.ts.
 */
import { AttributeCursor } from './attributes.js';
import type { MessageBuilder, MessageCursor } from './messages.js';

export type ElementData =
  | { readonly mark: number }
  | { readonly verdict: 'accept' | 'drop' | 'continue' | 'return' }
  | { readonly verdict: 'jump' | 'goto'; readonly chain: string }
  /** Any other map's data, as the kernel keeps it. */
  | { readonly bytes: Uint8Array };

export interface SetElement {
  /** See keys.ts. Of the catch-all element (`*`): empty. */
  readonly key: Uint8Array;
  /** Last key of a range in a concatenated interval set. */
  readonly keyEnd?: Uint8Array;
  /** What a map gives for the key. A mark is read back as `bytes`: the element does not say what its data means. */
  readonly data?: ElementData;
  /** Milliseconds; the set needs `flags timeout`. */
  readonly timeoutMs?: number;
  /** Milliseconds left. When adding: less than timeoutMs; the whole timeout when left out. */
  readonly expirationMs?: number;
  /** At most 128 bytes, as `nft` shows it. */
  readonly comment?: string;
  /** Read only: this element ends the interval before it. */
  readonly isIntervalEnd?: boolean;
}

export const COMMENT_BYTES_MAX = 128;

const ELEMENT = { key: 1, data: 2, flags: 3, timeout: 4, expiration: 5, userData: 6, keyEnd: 10 } as const;
const FLAG_INTERVAL_END = 1;
const FLAG_CATCH_ALL = 2;
const DATA = { value: 1, verdict: 2 } as const;
const VERDICT = { code: 1, chain: 2 } as const;
/** NFTNL_UDATA_SET_ELEM_COMMENT: the user data that `nft` reads is type, length, bytes. */
const USER_DATA_COMMENT = 0;
const VERDICT_CODES = { drop: 0, accept: 1, continue: -1, jump: -3, goto: -4, return: -5 } as const;

/** Throws RangeError for a comment above COMMENT_BYTES_MAX. */
export function writeElement(builder: MessageBuilder, type: number, element: SetElement): void {
  const nest = builder.beginNest(type);
  if (element.key.length === 0) builder.u32be(ELEMENT.flags, FLAG_CATCH_ALL);
  else writeValue(builder, ELEMENT.key, element.key);
  if (element.keyEnd !== undefined) writeValue(builder, ELEMENT.keyEnd, element.keyEnd);
  if (element.data !== undefined) writeData(builder, element.data);
  if (element.timeoutMs !== undefined) builder.u64be(ELEMENT.timeout, Math.round(element.timeoutMs));
  if (element.expirationMs !== undefined) builder.u64be(ELEMENT.expiration, Math.round(element.expirationMs));
  if (element.comment !== undefined) builder.raw(ELEMENT.userData, commentUserData(element.comment));
  builder.endNest(nest);
}

function writeValue(builder: MessageBuilder, type: number, value: Uint8Array): void {
  const nest = builder.beginNest(type);
  builder.raw(DATA.value, value);
  builder.endNest(nest);
}

function writeData(builder: MessageBuilder, data: ElementData): void {
  if ('bytes' in data) {
    writeValue(builder, ELEMENT.data, data.bytes);
    return;
  }
  if ('mark' in data) {
    const mark = Buffer.alloc(4);
    mark.writeUInt32LE(data.mark >>> 0);
    writeValue(builder, ELEMENT.data, mark);
    return;
  }
  const nest = builder.beginNest(ELEMENT.data);
  const verdict = builder.beginNest(DATA.verdict);
  builder.u32be(VERDICT.code, VERDICT_CODES[data.verdict]);
  if ('chain' in data) builder.text(VERDICT.chain, data.chain);
  builder.endNest(verdict);
  builder.endNest(nest);
}

function commentUserData(comment: string): Uint8Array {
  const text = Buffer.from(`${comment}\0`);
  if (text.length - 1 > COMMENT_BYTES_MAX)
    throw new RangeError(`a comment of ${text.length - 1} bytes is above ${COMMENT_BYTES_MAX}`);
  return Buffer.concat([Buffer.of(USER_DATA_COMMENT, text.length), text]);
}

const LIST_ELEMENTS = 3;

/** Appends the elements of one NEWSETELEM message; returns how many of them were malformed and left out. */
export function readElements(message: MessageCursor, into: SetElement[]): number {
  if (!message.isNetfilter) return 1;
  const attributes = new AttributeCursor();
  const list = new AttributeCursor();
  let malformed = 0;
  attributes.reset(message.buffer, message.attributesStart, message.end);
  while (attributes.next()) {
    if (attributes.type !== LIST_ELEMENTS) continue;
    list.enter(attributes);
    while (list.next()) {
      const element = readElement(list);
      if (element === null) malformed++;
      else into.push(element);
    }
    if (list.malformed) malformed++;
  }
  return attributes.malformed ? malformed + 1 : malformed;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readElement(list: AttributeCursor): SetElement | null {
  const element: Mutable<SetElement> = { key: new Uint8Array(0) };
  const attribute = new AttributeCursor();
  attribute.enter(list);
  let malformed = false;
  while (attribute.next()) {
    switch (attribute.type) {
      case ELEMENT.key:
      case ELEMENT.keyEnd:
      case ELEMENT.data: {
        const data = readData(attribute);
        if (data === null) malformed = true;
        else if (attribute.type === ELEMENT.data) element.data = data;
        else if (!('bytes' in data)) malformed = true;
        else if (attribute.type === ELEMENT.key) element.key = data.bytes;
        else element.keyEnd = data.bytes;
        break;
      }
      case ELEMENT.flags:
        if ((attribute.u32be() & FLAG_INTERVAL_END) !== 0) element.isIntervalEnd = true;
        break;
      case ELEMENT.timeout:
        element.timeoutMs = attribute.u64be();
        break;
      case ELEMENT.expiration:
        element.expirationMs = attribute.u64be();
        break;
      case ELEMENT.userData: {
        const comment = readComment(attribute.bytes());
        if (comment !== null) element.comment = comment;
        break;
      }
      default:
    }
  }
  return malformed || attribute.malformed ? null : element;
}

function readData(parent: AttributeCursor): ElementData | null {
  const attribute = new AttributeCursor();
  attribute.enter(parent);
  let data: ElementData | null = null;
  while (attribute.next()) {
    if (attribute.type === DATA.value) data = { bytes: attribute.bytes() };
    if (attribute.type === DATA.verdict) data = readVerdict(attribute);
  }
  return attribute.malformed ? null : data;
}

function readVerdict(parent: AttributeCursor): ElementData | null {
  const attribute = new AttributeCursor();
  attribute.enter(parent);
  let code: number | null = null;
  let chain = '';
  while (attribute.next()) {
    if (attribute.type === VERDICT.code) code = attribute.u32be() | 0;
    if (attribute.type === VERDICT.chain) chain = attribute.text();
  }
  if (attribute.malformed) return null;
  switch (code) {
    case VERDICT_CODES.drop:
      return { verdict: 'drop' };
    case VERDICT_CODES.accept:
      return { verdict: 'accept' };
    case VERDICT_CODES.continue:
      return { verdict: 'continue' };
    case VERDICT_CODES.return:
      return { verdict: 'return' };
    case VERDICT_CODES.jump:
      return { verdict: 'jump', chain };
    case VERDICT_CODES.goto:
      return { verdict: 'goto', chain };
    case null:
    default:
      return null;
  }
}

/** The comment in user data: (u8 type, u8 length, bytes) repeated. Null where there is none or it is broken. */
function readComment(userData: Uint8Array): string | null {
  let at = 0;
  while (at + 2 <= userData.length) {
    const length = userData[at + 1] ?? 0;
    const value = userData.subarray(at + 2, at + 2 + length);
    if (value.length < length) return null;
    if (userData[at] === USER_DATA_COMMENT) {
      const nul = value.indexOf(0);
      return Buffer.from(nul < 0 ? value : value.subarray(0, nul)).toString('utf8');
    }
    at += 2 + length;
  }
  return null;
}
