/**
 * The detached signature of a MUD file (RFC 8520 section 13: CMS, RFC 5652): content, signature and chain to the authorities that a
 * person names. Called by `cordon mud`. It trusts nothing but those authorities, fetches nothing, and says yes only to what all holds for;
 * the one thing it lets the caller decide on is a chain that was right when it signed and has expired since.
 */
import { fromBER } from 'asn1js';
import {
  Certificate,
  ContentInfo,
  IssuerAndSerialNumber,
  SignedData,
  SignedDataVerifyError,
  type RelativeDistinguishedNames,
  type SignerInfo,
} from 'pkijs';

export const MAX_SIGNATURE_BYTES = 1024 * 1024;
export const MAX_AUTHORITIES = 100;

export type SignatureVerdict =
  | {
      readonly ok: true;
      /** `CN=luminaire.example.com, O=…`, as its certificate has it. */
      readonly signer: string;
      /** As the signer says; there is no other witness. */
      readonly signedAtMs: number | null;
      /** Certificates of the chain that have ended since, or none. */
      readonly expired: readonly { readonly subject: string; readonly endedAtMs: number }[];
    }
  | { readonly ok: false; readonly problem: string };

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const DATA = '1.2.840.113549.1.7.1';
/** id-ct-mudtype (RFC 8520 section 13.1); files in use are signed as plain data, as `openssl cms -sign` does it. */
const MUD_TYPE = '1.2.840.113549.1.9.16.1.41';
const CONTENT_TYPE_ATTRIBUTE = '1.2.840.113549.1.9.3';
const SIGNING_TIME_ATTRIBUTE = '1.2.840.113549.1.9.5';
/** SHA-256, SHA-384, SHA-512: nothing weaker binds a file to its signature (RFC 8551 section 2.1). */
const DIGESTS: ReadonlySet<string> = new Set([
  '2.16.840.1.101.3.4.2.1',
  '2.16.840.1.101.3.4.2.2',
  '2.16.840.1.101.3.4.2.3',
]);
/** Signatures of certificates with MD5 or SHA-1 can be forged. */
const WEAK_CERTIFICATE_SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.10045.4.1',
]);

export interface SignatureInput {
  /** The file, byte for byte. */
  readonly content: Uint8Array;
  /** DER or PEM. */
  readonly signature: Uint8Array;
  /** One or more PEM certificates. */
  readonly authorities: string;
  readonly nowMs: number;
}

/** Never rejects. */
export async function verifyMudSignature(input: SignatureInput): Promise<SignatureVerdict> {
  try {
    return await verify(input);
  } catch (error) {
    // The library throws at bytes that no encoder makes.
    return refused(error instanceof Refusal ? error.message : `it cannot be read: ${messageOf(error)}`);
  }
}

class Refusal extends Error {}

async function verify({ content, signature, authorities, nowMs }: SignatureInput): Promise<SignatureVerdict> {
  if (signature.length > MAX_SIGNATURE_BYTES)
    return refused(`it has ${signature.length} bytes, above the limit of ${MAX_SIGNATURE_BYTES}`);
  if (content.length === 0) return refused('the file is empty');
  const trusted = readAuthorities(authorities);
  const signed = readSignedData(signature);
  const [signer, ...others] = signed.signerInfos;
  if (!signer) return refused('nobody has signed it');
  if (others.length > 0) return refused(`${signed.signerInfos.length} signers, where one belongs`);
  if (!DIGESTS.has(signer.digestAlgorithm.algorithmId))
    return refused('its digest is weaker than SHA-256, and proves nothing');
  checkContentType(signed, signer);
  const signedAtMs = signingTime(signer);
  const certificates = (signed.certificates ?? []).filter((each) => each instanceof Certificate);
  const now = await verifyAt(signed, content, trusted, nowMs);
  if (now.ok) return verdictOf(now.path, signer, signedAtMs, nowMs);
  // What fails now and held then has expired, and nothing else is wrong with it.
  const then =
    signedAtMs ?? Math.max(...[...certificates, ...trusted].map((each) => each.notBefore.value.getTime()));
  const before = then < nowMs ? await verifyAt(signed, content, trusted, then) : now;
  return before.ok ? verdictOf(before.path, signer, signedAtMs, nowMs) : refused(before.problem);
}

type ChainResult =
  | { readonly ok: true; readonly path: readonly Certificate[] }
  | { readonly ok: false; readonly problem: string };

async function verifyAt(
  signed: SignedData,
  content: Uint8Array,
  trustedCerts: Certificate[],
  atMs: number,
): Promise<ChainResult> {
  try {
    const result = await signed.verify({
      signer: 0,
      data: new Uint8Array(content).buffer,
      trustedCerts,
      checkDate: new Date(atMs),
      checkChain: true,
      extendedMode: true,
    });
    const path = result.certificatePath;
    if (result.signatureVerified !== true)
      return { ok: false, problem: 'its signature is not that of its certificate' };
    const weak = path.find(
      (each) =>
        WEAK_CERTIFICATE_SIGNATURES.has(each.signatureAlgorithm.algorithmId) &&
        !trustedCerts.some(
          (anchor) => anchor.issuer.isEqual(each.issuer) && anchor.serialNumber.isEqual(each.serialNumber),
        ),
    );
    if (path.length === 0) return { ok: false, problem: 'no chain leads to an authority given with --ca' };
    return weak
      ? { ok: false, problem: `the certificate of ${nameOf(weak.subject)} is signed with MD5 or SHA-1` }
      : { ok: true, path };
  } catch (error) {
    return { ok: false, problem: explain(error) };
  }
}

/** By the library's code, never by its words. */
function explain(error: unknown): string {
  if (!(error instanceof SignedDataVerifyError)) return messageOf(error);
  switch (error.code) {
    case 2:
    case 3:
      return 'the certificate of its signer is not in it';
    case 5:
      return `its chain does not hold: ${error.message.replace(/^.*?: /, '')}`;
    default:
      return error.signerCertificateVerified === true
        ? 'the file is not the one that was signed'
        : `it does not hold: ${error.message}`;
  }
}

function verdictOf(
  path: readonly Certificate[],
  signer: SignerInfo,
  signedAtMs: number | null,
  nowMs: number,
): SignatureVerdict {
  const early = path.find((each) => each.notBefore.value.getTime() > nowMs);
  if (early) return refused(`the certificate of ${nameOf(early.subject)} is not valid yet`);
  const own = path.find((each) => isOf(each, signer)) ?? path[0];
  return {
    ok: true,
    signer: own ? nameOf(own.subject) : 'unknown',
    signedAtMs,
    expired: path
      .filter((each) => each.notAfter.value.getTime() < nowMs)
      .map((each) => ({ subject: nameOf(each.subject), endedAtMs: each.notAfter.value.getTime() })),
  };
}

function isOf(certificate: Certificate, { sid }: SignerInfo): boolean {
  return sid instanceof IssuerAndSerialNumber && certificate.serialNumber.isEqual(sid.serialNumber);
}

function readSignedData(bytes: Uint8Array): SignedData {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 64));
  const der = text.includes('-----BEGIN')
    ? (pemBlocks(new TextDecoder().decode(bytes), '(?:PKCS7|CMS)')[0] ?? null)
    : bytes;
  if (!der) throw new Refusal('it is no PEM of a CMS or PKCS7');
  const parsed = fromBER(new Uint8Array(der).buffer);
  if (parsed.offset === -1) throw new Refusal('it is no CMS signature (not ASN.1)');
  const info = new ContentInfo({ schema: parsed.result });
  if (info.contentType !== SIGNED_DATA) throw new Refusal('it is CMS, but no signature');
  const signed = new SignedData({ schema: info.content });
  // The library would then verify what is inside, not the file.
  if (signed.encapContentInfo.eContent)
    throw new Refusal('it has a file of its own inside: a detached one belongs here');
  return signed;
}

/** RFC 5652 section 5.3: what the signer said the content is must be what the message says. */
function checkContentType(signed: SignedData, signer: SignerInfo): void {
  const { eContentType } = signed.encapContentInfo;
  if (eContentType !== DATA && eContentType !== MUD_TYPE)
    throw new Refusal(`it signs content of type ${eContentType}`);
  const said = signer.signedAttrs?.attributes.find(({ type }) => type === CONTENT_TYPE_ATTRIBUTE);
  if (!said) return;
  const [value] = said.values as { readonly valueBlock: { toString(): string } }[];
  if (value?.valueBlock.toString() !== eContentType) throw new Refusal('its content types do not agree');
}

function signingTime(signer: SignerInfo): number | null {
  const attribute = signer.signedAttrs?.attributes.find(({ type }) => type === SIGNING_TIME_ATTRIBUTE);
  const [value] = (attribute?.values ?? []) as { readonly toDate?: () => Date }[];
  const time = value?.toDate?.().getTime();
  return time === undefined || Number.isNaN(time) ? null : time;
}

function readAuthorities(pem: string): Certificate[] {
  const blocks = pemBlocks(pem, 'CERTIFICATE');
  if (blocks.length === 0) throw new Refusal('no certificate was given with --ca (PEM)');
  if (blocks.length > MAX_AUTHORITIES)
    throw new Refusal(`${blocks.length} authorities, above ${MAX_AUTHORITIES}`);
  return blocks.map((block) => {
    try {
      return Certificate.fromBER(new Uint8Array(block).buffer);
    } catch (error) {
      throw new Refusal(`a certificate given with --ca cannot be read: ${messageOf(error)}`);
    }
  });
}

function pemBlocks(text: string, label: string): readonly Uint8Array[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, 'g');
  return [...text.matchAll(pattern)].map((match) => Buffer.from(match[1] ?? '', 'base64'));
}

const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.6': 'C',
};

function nameOf(name: RelativeDistinguishedNames): string {
  const MAX_NAME_CHARS = 200;
  return name.typesAndValues
    .map(({ type, value }) => `${ATTRIBUTE_NAMES[type] ?? type}=${value.valueBlock.value}`)
    .join(', ')
    .slice(0, MAX_NAME_CHARS);
}

function messageOf(error: unknown): string {
  const MAX_MESSAGE_CHARS = 200;
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE_CHARS);
}

function refused(problem: string): SignatureVerdict {
  return { ok: false, problem };
}
